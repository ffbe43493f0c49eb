"""scripts/bench: imgtool against its peers. The map:

    cli.py        the options, and the story from them to the tables
    workloads.py  what is converted, and into what
    disks.py      writes the seeded disks
    kept.py       keeps them in other formats than raw
    peers.py      who takes part in a task, each in its best configurations
    nbdcopy.py    one of them, with its servers
    job.py        a job, and a way to do it
    run.py        all workloads, one after the other
    rounds.py     interleaved rounds; each output judged before its time counts
    gate.py       the judge: `qemu-img check` and `qemu-img compare`
    measure.py    one timed run, by timer.py, a small process of its own
    places.py     where the files are: a temporary folder, an XFS with reflink, the page cache
    startup.py    how long it takes until imgtool does anything at all, or a program in its sandbox
    confined.py   the latter, measured from within imgtool's own Python
    bars.py       what imgtool has to reach; verdict.py: whether it did
    machine.py    what the figures were measured on
    tables.py     results as aligned text, and as Markdown
    chart.py      results as SVG
    model.py      the data that flows; it is what the JSON file holds

Standard library only, so that it measures any imgtool, installed anywhere.
"""
