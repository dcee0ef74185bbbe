"""What `message.py` is to the compiler."""

cimport cython

from wire.dns.names cimport parse_name, parse_shared_name


cpdef object parse_message(bytes data)

cpdef object parse_part(bytes data)

@cython.locals(
    at=Py_ssize_t, additional_start=Py_ssize_t, answers=Py_ssize_t, authorities=Py_ssize_t, additionals=Py_ssize_t,
    rcode=Py_ssize_t, memo=dict,
)
cdef object _parse(bytes data, tuple allowed)

@cython.locals(
    at=Py_ssize_t, end=Py_ssize_t, flags=Py_ssize_t, questions=Py_ssize_t, answers=Py_ssize_t, authorities=Py_ssize_t,
    additionals=Py_ssize_t, rrtype=Py_ssize_t, rrclass=Py_ssize_t, kind=Py_ssize_t, ttl=Py_ssize_t, length=Py_ssize_t,
    stop=Py_ssize_t, least=Py_ssize_t, rdatas=list, signatures=list, question=bytes, options=bint,
)
cdef object _read_plain(bytes data)

@cython.locals(count=Py_ssize_t)
cdef bint _are_options(bytes data, Py_ssize_t at, Py_ssize_t stop) except -1

cdef bint _repeats(list datas) except -1

@cython.locals(at=Py_ssize_t, end=Py_ssize_t, length=Py_ssize_t)
cdef tuple _parse_question(bytes data)

@cython.locals(
    records=list, end=Py_ssize_t, first=Py_ssize_t, rrtype=Py_ssize_t, rrclass=Py_ssize_t, ttl=Py_ssize_t,
    length=Py_ssize_t, rdata=Py_ssize_t, stop=Py_ssize_t, owner=bytes, found=tuple,
)
cdef tuple _parse_records(bytes data, Py_ssize_t at, Py_ssize_t count, dict memo)

@cython.locals(out=bytearray, seen=dict, offsets=list, at=Py_ssize_t)
cpdef object build_response(bytes question, long flags, long rcode, object answer, object authority=*)

@cython.locals(out=bytearray, offsets=list, at=Py_ssize_t, kind=Py_ssize_t, owner=bytes, rdata=bytes, datas=tuple)
cpdef object build_answer(bytes question, long flags, Py_ssize_t rrtype, Py_ssize_t ttl, tuple rdatas, tuple signatures)

cdef _remember(dict seen, bytes name, Py_ssize_t at)

@cython.locals(start=Py_ssize_t, rest=bytes, head=bytes)
cdef _write_name(bytearray out, bytes name, dict seen)
