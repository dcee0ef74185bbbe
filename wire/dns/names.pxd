"""What `names.py` is to the compiler: offsets and lengths are numbers, names are bytes."""

cimport cython


@cython.locals(
    parts=list, after=Py_ssize_t, total=Py_ssize_t, limit=Py_ssize_t, pointers=Py_ssize_t, length=Py_ssize_t,
    stop=Py_ssize_t, target=Py_ssize_t,
)
cpdef tuple parse_name(bytes data, Py_ssize_t at)

@cython.locals(
    start=Py_ssize_t, end=Py_ssize_t, after=Py_ssize_t, target=Py_ssize_t, tail=bytes, name=bytes, found=tuple,
)
cpdef tuple parse_shared_name(bytes data, Py_ssize_t at, dict known)

@cython.locals(
    heads=list, limit=Py_ssize_t, pointers=Py_ssize_t, total=Py_ssize_t, target=Py_ssize_t, length=Py_ssize_t,
    name=bytes, head=bytes, first=Py_ssize_t, place=Py_ssize_t, found=tuple,
)
cdef bytes _parse_tail(bytes data, Py_ssize_t at, dict known)

@cython.locals(length=Py_ssize_t)
cpdef Py_ssize_t skip_name(bytes data, Py_ssize_t at) except -1

cpdef bytes parent(bytes name)

cpdef bytes closest_in(bytes name, object zones)

@cython.locals(at=Py_ssize_t, boundary=Py_ssize_t)
cpdef bint is_below(bytes name, bytes suffix) except -1

@cython.locals(at=Py_ssize_t, length=Py_ssize_t, labels=Py_ssize_t)
cpdef Py_ssize_t count_labels(bytes name) except -1
