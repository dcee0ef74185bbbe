"""What `peek.py` is to the compiler."""

cimport cython

from wire.dns.names cimport skip_name


@cython.locals(at=Py_ssize_t, additionals=Py_ssize_t, question=bytes)
cpdef object peek(bytes data)

@cython.locals(at=Py_ssize_t, end=Py_ssize_t, length=Py_ssize_t)
cdef Py_ssize_t _question_end(bytes data) except -1

@cython.locals(end=Py_ssize_t, start=Py_ssize_t, length=Py_ssize_t)
cdef object _find_opt(bytes data, Py_ssize_t at, Py_ssize_t count)
