"""What benchmarks/memory_map.py makes of what the kernel says."""

from benchmarks.memory_map import KINDS, Cost, by_kind, kind_of, parse

SMAPS = """\
55d0a0001000-55d0a0005000 r-xp 00001000 fe:00 17                         /usr/bin/program
Size:                 16 kB
Pss:                   9 kB
Private_Clean:         4 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
55d0a0005000-55d0a0007000 r--p 00005000 fe:00 17                         /usr/bin/program
Pss:                   8 kB
Private_Clean:         0 kB
Private_Dirty:         8 kB
Anonymous:             8 kB
55d0a0008000-55d0a0009000 r--s 00000000 00:01 9                          /memfd:settings (deleted)
Pss:                   2 kB
Private_Clean:         0 kB
Private_Dirty:         0 kB
Anonymous:             0 kB
55d0a1000000-55d0a2000000 rw-p 00000000 00:00 0                          [heap]
Pss:                 500 kB
Private_Clean:         1 kB
Private_Dirty:       300 kB
Anonymous:           800 kB
7f0000000000-7f0000100000 rw-p 00000000 00:00 0
Pss:                 100 kB
Private_Clean:         0 kB
Private_Dirty:        60 kB
Anonymous:           200 kB
"""


def test_each_mapping_is_of_one_kind() -> None:
    found = [(kind_of(one), one.share, one.private) for one in parse(SMAPS)]
    expected = [
        ("code", 9, 4),
        ("relocations", 8, 8),
        ("sealed files", 2, 0),
        ("heap", 500, 301),
        ("anonymous", 100, 60),
    ]
    assert expected == found


def test_sums_are_those_of_all_processes_and_page_tables_are_beside() -> None:
    some = dict.fromkeys(KINDS, Cost()) | {"heap": Cost(1_500, 300), "page tables": Cost(90, 90)}
    lines = by_kind([("front", some), ("front", some)])
    assert len(KINDS) + 3 == lines[0].count("|") == lines[-1].count("|")
    assert "3,000 / 600" in lines[-1]
    assert "180 / 180" in lines[-1]
    assert lines[-1].endswith("| 3,000 |")
