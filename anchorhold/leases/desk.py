"""What an operator asks of the leases, answered inside the dhcp cell.

The way there: `anchorhold leases …` sends one line over the control socket, `{"verb": "leases", "request": {…}}`. `front`
hands the inner object on as it is (JSON, at most 64 KiB) as the argument of a FACT with `Verb.LEASES`. The dhcp cell then
does this:

    answered = answer(argument, book, store, settings, times)
    failed = apply_and_commit(answered.changes)     # "", or why the disk did not take them; then they are undone
    lines = answered.conclude(failed)               # HostChanges are under way already
    text = "\\n".join(json.dumps(line) for line in lines)

and the text goes back in pieces with the flag MORE, which `front` relays unread. Every line is an object with
`"cell": "dhcp"`; what is wrong with a request is a line with `"error"`. `answer` changes nothing itself and takes a few
milliseconds at most: long lists and imports come in pages, each a request of its own.

Requests, by their field `do`:

    list      after: the `next` of the page before       → leases: [row …], next: where the next page begins, or null
    show      device                                     → leases: [row …]
    release   device                                     → leases: [row …] that ended
    import    leases: [row …]                            → taken: number, refused: [{"row": …, "why": …} …]
    forget    device                                     → leases: [row …] that ended, scanned: [file …], found: [where …]

A device is a hardware address, a client identifier or DUID in hexadecimal, an IP address, or the name of a lease. A row is
described at `anchorhold/leases/rows.py`.
"""
