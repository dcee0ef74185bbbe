"""Many datagrams in one system call, and the hits among them answered without a Python object that a hit does not need.

For Linux, and compiled only: without it `datagram.py` takes and sends one at a time. What is not a hit goes to the listener
there, in Python, after all hits of the batch are on their way.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItemWithError
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.errno cimport EAGAIN, errno
from libc.string cimport memcmp, memcpy, memset

from resolver.cache.packets cimport Rendered

import os

from resolver.cache.packets import ROADS

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <netinet/in.h>
    #include <sys/socket.h>
    """

cdef extern from "<sys/socket.h>" nogil:
    enum:
        AF_INET, AF_INET6, MSG_DONTWAIT

    struct iovec:
        void *iov_base
        size_t iov_len

    struct msghdr:
        void *msg_name
        unsigned int msg_namelen
        iovec *msg_iov
        size_t msg_iovlen
        void *msg_control
        size_t msg_controllen
        int msg_flags

    struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len

    struct cmsghdr:
        size_t cmsg_len
        int cmsg_level
        int cmsg_type

    struct sockaddr_storage:
        unsigned short ss_family

    cmsghdr *CMSG_FIRSTHDR(msghdr *)
    cmsghdr *CMSG_NXTHDR(msghdr *, cmsghdr *)
    unsigned char *CMSG_DATA(cmsghdr *)
    size_t CMSG_SPACE(size_t)
    size_t CMSG_LEN(size_t)
    enum:
        SOL_SOCKET

    int recvmmsg(int, mmsghdr *, unsigned int, int, void *)
    int sendmmsg(int, mmsghdr *, unsigned int, int)

cdef extern from "<time.h>" nogil:
    struct timespec:
        long tv_sec
        long tv_nsec

cdef extern from "<netinet/in.h>" nogil:
    enum:
        IPPROTO_IP, IPPROTO_IPV6, IP_PKTINFO, IPV6_PKTINFO

    struct in_addr:
        unsigned int s_addr

    struct in_pktinfo:
        int ipi_ifindex
        in_addr ipi_spec_dst
        in_addr ipi_addr

cdef enum:
    BATCH = 64  # packets of one wake-up; as in datagram.py
    FEW = 16  # packets of one call under pressure: what is no hit and came first keeps the others waiting
    OTHER = 4  # hits in whose place there is one packet that is none
    LOOKED = 1024  # the same, with those that are dropped unread
    MANY = 2  # where so many come in one call there are more by the time that they are answered
    MAX_PACKET = 4096  # octets of a query that are read; as in datagram.py
    STRIDE = 4096 + 192  # from one packet's room to the next: whole pages would all lie in the same few lines of the cache
    NAME = 28  # a sockaddr_in6 (ip6(7)); a sockaddr_in is shorter
    PKTINFO6 = 20  # a struct in6_pktinfo
    TIMESTAMP = 35  # SO_TIMESTAMPNS; as in datagram.py
    CONTROL = 128  # one control message with a struct in6_pktinfo takes 40, one with a time 32
    PORT_AT = 2
    ADDRESS4_AT = 4
    ADDRESS6_AT = 8

cdef Py_ssize_t _ROADS = ROADS


cdef class Batch:
    """The room for one batch, made once for all sockets: it holds nothing between two calls."""

    cdef int descriptor
    cdef bint wildcard
    cdef int dropped
    cdef int spent
    cdef mmsghdr incoming[BATCH]
    cdef mmsghdr outgoing[BATCH]
    cdef iovec came[BATCH]
    cdef iovec goes[BATCH]
    cdef unsigned char names[BATCH][NAME]
    cdef unsigned char controls[BATCH][CONTROL]
    cdef unsigned char *packets

    def __cinit__(self):
        self.packets = <unsigned char *> PyMem_Malloc(BATCH * STRIDE)
        if self.packets == NULL:
            raise MemoryError
        memset(self.incoming, 0, sizeof(self.incoming))
        memset(self.outgoing, 0, sizeof(self.outgoing))
        cdef int i
        for i in range(BATCH):
            self.came[i].iov_base = self.packets + i * STRIDE
            self.came[i].iov_len = MAX_PACKET
            self.incoming[i].msg_hdr.msg_iov = &self.came[i]
            self.incoming[i].msg_hdr.msg_iovlen = 1
            self.incoming[i].msg_hdr.msg_name = self.names[i]
            self.outgoing[i].msg_hdr.msg_iov = &self.goes[i]
            self.outgoing[i].msg_hdr.msg_iovlen = 1
            self.incoming[i].msg_hdr.msg_control = self.controls[i]

    def __dealloc__(self):
        PyMem_Free(self.packets)

    def drain(self, int descriptor, bint wildcard, listener, desk, admission, double now):
        """Take what has arrived at a bound UDP socket, up to BATCH, answer the hits, and give everything else to `listener`: to `other`
        and `is_over`, as `datagram.py` has them. `wildcard`: the socket tells which address was asked."""
        cdef int count, most = BATCH, looked = 0
        cdef object pressure = listener.pressure
        self.descriptor = descriptor
        self.wildcard = wildcard
        self.dropped = 0
        self.spent = 0
        # Who is dropped costs little, and who asks little comes behind them.
        while self.spent < BATCH and looked < LOOKED:
            count = self._receive(most, looked == 0, desk)
            if count > 0:
                if not looked:
                    pressure.waited(self._waited(desk), now)
                self._answer_all(count, listener, desk, admission, pressure if pressure.on else None, now)
            if count < MANY:
                break
            looked += count
            most = FEW if pressure.on and not pressure.sole else min(most, BATCH - self.spent)
        if self.dropped:
            desk.counters["dropped-pressure"] += self.dropped

    cdef list take(self, int descriptor, int most, Py_ssize_t size, Py_ssize_t ancillary):
        """See `receive_all`."""
        cdef int i, count
        cdef list came = []
        cdef mmsghdr *one
        if most > BATCH or size > MAX_PACKET or ancillary > CONTROL:
            raise ValueError("more than there is room for")
        for i in range(most):
            one = &self.incoming[i]
            one.msg_hdr.msg_namelen = NAME
            one.msg_hdr.msg_controllen = ancillary
            self.came[i].iov_len = size
        count = recvmmsg(descriptor, self.incoming, most, MSG_DONTWAIT, NULL)
        if count < 0:
            _fail(errno)
        for i in range(count):
            one = &self.incoming[i]
            came.append((
                PyBytes_FromStringAndSize(<char *> self.packets + i * STRIDE, one.msg_len),
                PyBytes_FromStringAndSize(<char *> one.msg_hdr.msg_name, min(<Py_ssize_t> one.msg_hdr.msg_namelen, NAME)),
                PyBytes_FromStringAndSize(<char *> one.msg_hdr.msg_control, one.msg_hdr.msg_controllen),
            ))
        return came

    cdef int _answer_all(self, int count, listener, desk, admission, pressure, double now) except -1:
        """Answer the hits among the first `count` packets of the room, and hand on the rest. `pressure`: None if it is off."""
        cdef int i, hits = 0, sent = 0
        cdef Py_ssize_t length
        cdef unsigned char *packet
        cdef dict known = admission.by_octets
        cdef object cache = desk.cache
        cdef list shelves = cache.rendered, later = [], large = []
        cdef object client = None, bucket = None
        cdef dict shelf = None
        cdef bytes octets, raw, data
        cdef Rendered entry
        cdef void *found
        cdef bint allowed = False
        cdef double tokens
        for i in range(count):
            packet = self.packets + i * STRIDE
            length = self.incoming[i].msg_len
            if client is None or not self._is_neighbour(i):
                octets = self._octets(i)
                found = <void *> PyDict_GetItemWithError(known, octets)
                client = <object> found if found != NULL else admission.client_at(octets, now)
                bucket = client.bucket
                allowed = client.allowed
                shelf = shelves[_ROADS * <Py_ssize_t> client.group]
            if pressure is not None and client.household != pressure.sole and not pressure.admits(client.household, now):
                self.dropped += 1
                continue
            if self.wildcard:
                self._turn_round(i)
            if bucket is not None:
                tokens = <double> bucket.tokens - 1.0
                bucket.tokens = tokens
                if tokens < 0.0:
                    # It may answer, and what came before goes before.
                    sent = self._settle(sent, hits, later, listener, desk, now)
                    data = PyBytes_FromStringAndSize(<char *> packet, length)
                    if listener.is_over(data, client, self._road(listener, i), now):
                        self.spent += OTHER
                        continue
            elif not allowed:
                desk.counters["dropped-access"] += 1
                continue
            if length > 2:
                raw = PyBytes_FromStringAndSize(<char *> packet + 2, length - 2)
                found = <void *> PyDict_GetItemWithError(shelf, raw)
                if found != NULL:
                    entry = <Rendered?> <object> found
                    if self._is_good(entry, cache, i, now):
                        length = PyBytes_GET_SIZE(entry.body)
                        if length <= MAX_PACKET - 2:
                            # In place: the id stands before it already.
                            memcpy(packet + 2, PyBytes_AS_STRING(entry.body), length)
                        else:
                            data = PyBytes_FromStringAndSize(<char *> packet, 2) + entry.body
                            large.append(data)
                            packet = <unsigned char *> PyBytes_AS_STRING(data)
                        self._answer(hits, i, packet, 2 + length)
                        hits += 1
                        continue
            later.append((PyBytes_FromStringAndSize(<char *> packet, length), client, i))
        self._settle(sent, hits, later, listener, desk, now)
        return 0

    cdef int _settle(self, int sent, int hits, list later, listener, desk, double now) except -1:
        """Send the answers that are made and not sent, then see to what is no hit; how many answers that is so far."""
        if hits > sent:
            self.spent += hits - sent
            desk.counters["hits"] += hits - sent
            self._send(sent, hits, desk)
        self.spent += OTHER * len(later)
        for data, client, i in later:
            listener.other(data, client, self._road(listener, i), now)
        later.clear()
        return hits

    cdef bint _is_good(self, Rendered entry, cache, int i, double now) except -1:
        """Whether that may be sent in the room of the packet, as it is or brought up to date."""
        if not self._has_port(i):
            return False
        if entry.until > now:
            entry.used = True
            return True
        return cache.renew(entry, now)

    cdef int _receive(self, int most, bint timed, desk) except -2:
        """How many came, -1 for none. `timed`: the first with the time when it came."""
        cdef int i, count, error
        for i in range(most):
            self.incoming[i].msg_hdr.msg_namelen = NAME
            self.incoming[i].msg_hdr.msg_controllen = CONTROL if self.wildcard or (timed and i == 0) else 0
        count = recvmmsg(self.descriptor, self.incoming, most, MSG_DONTWAIT, NULL)
        error = errno
        if count < 0 and error != EAGAIN:
            desk.counters[f"udp-{error}"] += 1
        return count

    cdef double _waited(self, desk) except? -1.0:
        """Seconds that the first packet waited in the socket; 0 if that does not tell. Of its control messages only those stay that
        `_turn_round` needs."""
        cdef msghdr *header = &self.incoming[0].msg_hdr
        cdef cmsghdr *one = CMSG_FIRSTHDR(header)
        cdef timespec came
        cdef double seconds = 0.0
        while one != NULL:
            if one.cmsg_level == SOL_SOCKET and one.cmsg_type == TIMESTAMP and one.cmsg_len >= CMSG_LEN(sizeof(came)):
                memcpy(&came, CMSG_DATA(one), sizeof(came))
                seconds = <double> desk.date() - <double> came.tv_sec - <double> came.tv_nsec / 1e9
            one = CMSG_NXTHDR(header, one)
        if not self.wildcard:
            header.msg_controllen = 0
        return seconds

    cdef bint _is_neighbour(self, int i) noexcept:
        """Whether it came from where the one before it came from, whichever the port."""
        cdef unsigned char *name = self.names[i]
        cdef unsigned char *before = self.names[i - 1]
        if memcmp(name, before, 2):
            return False
        if (<sockaddr_storage *> name).ss_family == AF_INET:
            return memcmp(name + ADDRESS4_AT, before + ADDRESS4_AT, 4) == 0
        return memcmp(name + ADDRESS6_AT, before + ADDRESS6_AT, 16) == 0

    cdef bytes _octets(self, int i):
        """The address it came from, 4 or 16 octets."""
        cdef char *name = <char *> self.names[i]
        if (<sockaddr_storage *> name).ss_family == AF_INET:
            return PyBytes_FromStringAndSize(name + ADDRESS4_AT, 4)
        return PyBytes_FromStringAndSize(name + ADDRESS6_AT, 16)

    cdef bint _has_port(self, int i) noexcept:
        return self.names[i][PORT_AT] or self.names[i][PORT_AT + 1]

    cdef void _turn_round(self, int i) noexcept:
        """Make of the control messages that came the one that makes the reply leave from the address that was asked; or none."""
        cdef msghdr *header = &self.incoming[i].msg_hdr
        cdef cmsghdr *one = CMSG_FIRSTHDR(header)
        cdef in_pktinfo four
        cdef unsigned char six[PKTINFO6]
        while one != NULL:
            if one.cmsg_level == IPPROTO_IP and one.cmsg_type == IP_PKTINFO and one.cmsg_len >= CMSG_LEN(sizeof(four)):
                memcpy(&four, CMSG_DATA(one), sizeof(four))
                four.ipi_ifindex = 0
                four.ipi_spec_dst = four.ipi_addr
                four.ipi_addr.s_addr = 0
                self._control(i, IPPROTO_IP, IP_PKTINFO, &four, sizeof(four))
                return
            if one.cmsg_level == IPPROTO_IPV6 and one.cmsg_type == IPV6_PKTINFO and one.cmsg_len >= CMSG_LEN(sizeof(six)):
                memcpy(six, CMSG_DATA(one), sizeof(six))
                self._control(i, IPPROTO_IPV6, IPV6_PKTINFO, six, sizeof(six))
                return
            one = CMSG_NXTHDR(header, one)
        header.msg_controllen = 0

    cdef void _control(self, int i, int level, int kind, void *content, size_t size) noexcept:
        cdef msghdr *header = &self.incoming[i].msg_hdr
        memset(self.controls[i], 0, CONTROL)
        header.msg_controllen = CMSG_SPACE(size)
        cdef cmsghdr *one = CMSG_FIRSTHDR(header)
        one.cmsg_len = CMSG_LEN(size)
        one.cmsg_level = level
        one.cmsg_type = kind
        memcpy(CMSG_DATA(one), content, size)

    cdef void _answer(self, int place, int i, unsigned char *packet, size_t length) noexcept:
        """The packet goes back to where `i` came from."""
        cdef msghdr *back = &self.outgoing[place].msg_hdr
        cdef msghdr *header = &self.incoming[i].msg_hdr
        self.goes[place].iov_base = packet
        self.goes[place].iov_len = length
        back.msg_name = header.msg_name
        back.msg_namelen = header.msg_namelen
        back.msg_control = header.msg_control if header.msg_controllen else NULL
        back.msg_controllen = header.msg_controllen

    cdef int _send(self, int first, int end, desk) except -1:
        """The answers from `first` to `end`. What the kernel does not take is counted and dropped, and the others go."""
        cdef int done = first, sent, error
        while done < end:
            sent = sendmmsg(self.descriptor, &self.outgoing[done], end - done, MSG_DONTWAIT)
            error = errno
            if sent < 0:
                desk.counters[f"udp-send-{error}"] += 1
                sent = 1
            done += sent
        return 0

    cdef object _road(self, listener, int i):
        cdef msghdr *header = &self.incoming[i].msg_hdr
        return listener.road(
            PyBytes_FromStringAndSize(<char *> header.msg_name, header.msg_namelen),
            PyBytes_FromStringAndSize(<char *> header.msg_control, header.msg_controllen) if header.msg_controllen else b"",
        )


def send(int descriptor, bytes data, bytes name=b"", bytes control=b""):
    """One message, to `name` (a sockaddr) with `control` (whole control messages); of a connected socket neither is needed. How
    many octets of it went. Raises OSError."""
    cdef mmsghdr one
    cdef iovec all_of_it
    memset(&one, 0, sizeof(one))
    all_of_it.iov_base = PyBytes_AS_STRING(data)
    all_of_it.iov_len = PyBytes_GET_SIZE(data)
    one.msg_hdr.msg_iov = &all_of_it
    one.msg_hdr.msg_iovlen = 1
    if name:
        one.msg_hdr.msg_name = PyBytes_AS_STRING(name)
        one.msg_hdr.msg_namelen = <unsigned int> PyBytes_GET_SIZE(name)
    if control:
        one.msg_hdr.msg_control = PyBytes_AS_STRING(control)
        one.msg_hdr.msg_controllen = PyBytes_GET_SIZE(control)
    if sendmmsg(descriptor, &one, 1, MSG_DONTWAIT) < 0:
        _fail(errno)
    return one.msg_len


cdef int _fail(int error) except -1:
    raise OSError(error, os.strerror(error))


def receive(int descriptor, Py_ssize_t size, Py_ssize_t ancillary):
    """One message of at most `size` octets, and at most `ancillary` octets of control messages: as socket.recvmsg, but that the
    address is the octets of a sockaddr, of which the first NAME are there. Raises OSError."""
    cdef mmsghdr one
    cdef unsigned char name[NAME]
    cdef iovec all_of_it
    cdef bytes data = PyBytes_FromStringAndSize(NULL, size)
    cdef bytes control = PyBytes_FromStringAndSize(NULL, ancillary)
    memset(&one, 0, sizeof(one))
    all_of_it.iov_base = PyBytes_AS_STRING(data)
    all_of_it.iov_len = size
    one.msg_hdr.msg_iov = &all_of_it
    one.msg_hdr.msg_iovlen = 1
    one.msg_hdr.msg_control = PyBytes_AS_STRING(control)
    one.msg_hdr.msg_controllen = ancillary
    one.msg_hdr.msg_name = name
    one.msg_hdr.msg_namelen = NAME
    if recvmmsg(descriptor, &one, 1, MSG_DONTWAIT, NULL) < 0:
        _fail(errno)
    cdef list beside = []
    cdef cmsghdr *part = CMSG_FIRSTHDR(&one.msg_hdr)
    while part != NULL:
        beside.append((part.cmsg_level, part.cmsg_type, (<char *> CMSG_DATA(part))[:part.cmsg_len - CMSG_LEN(0)]))
        part = CMSG_NXTHDR(&one.msg_hdr, part)
    cdef Py_ssize_t named = min(<Py_ssize_t> one.msg_hdr.msg_namelen, NAME)
    return data[:one.msg_len], beside, one.msg_hdr.msg_flags, PyBytes_FromStringAndSize(<char *> name, named)


cdef Batch _room = Batch()


def receive_all(int descriptor, int most, Py_ssize_t size, Py_ssize_t ancillary):
    """What waits, in one call: at most `most` messages (BATCH are more than any), each of at most `size` octets (MAX_PACKET) with
    at most `ancillary` octets of control messages (CONTROL). Of each: its octets, a sockaddr, its control messages. Raises
    OSError."""
    return _room.take(descriptor, most, size, ancillary)


def send_all(int descriptor, messages):
    """Messages as `send` has them: octets, sockaddr, control messages. In as few calls as may be; what the kernel does not take is
    left out, and the others go. How many went."""
    cdef mmsghdr outgoing[FEW]
    cdef iovec goes[FEW]
    cdef Py_ssize_t at = 0, count = len(messages)
    cdef int i, some, sent, went = 0
    cdef bytes data, name, control
    memset(outgoing, 0, sizeof(outgoing))
    while at < count:
        some = <int> min(<Py_ssize_t> FEW, count - at)
        for i in range(some):
            data, name, control = messages[at + i]
            goes[i].iov_base = PyBytes_AS_STRING(data)
            goes[i].iov_len = PyBytes_GET_SIZE(data)
            outgoing[i].msg_hdr.msg_iov = &goes[i]
            outgoing[i].msg_hdr.msg_iovlen = 1
            outgoing[i].msg_hdr.msg_name = PyBytes_AS_STRING(name) if name else NULL
            outgoing[i].msg_hdr.msg_namelen = <unsigned int> PyBytes_GET_SIZE(name)
            outgoing[i].msg_hdr.msg_control = PyBytes_AS_STRING(control) if control else NULL
            outgoing[i].msg_hdr.msg_controllen = PyBytes_GET_SIZE(control)
        sent = sendmmsg(descriptor, outgoing, some, MSG_DONTWAIT)
        if sent < 0:
            at += 1
        else:
            at += sent
            went += sent
    return went
