"""What `packets.py` is to the compiler: fields of fixed places, and numbers that are numbers."""

cimport cython


cdef class Answer:
    cdef public object explanation
    cdef public Py_ssize_t hits
    cdef public bytes packed
    cdef public bytes question
    cdef public double refresh_from
    cdef public Rendered rendered
    cdef public int shelf
    cdef public bint visited


cdef class Rendered:
    cdef public Answer answer
    cdef public bytes body
    cdef public Rendered following
    cdef public object heading
    cdef public bytes raw
    cdef public int shelf
    cdef public double until
    cdef public bint used


@cython.locals(out=bytearray, message=Py_ssize_t, at=Py_ssize_t, left=Py_ssize_t)
cdef bytes _aged(bytes body, bytes packed, Py_ssize_t count, Py_ssize_t age)
