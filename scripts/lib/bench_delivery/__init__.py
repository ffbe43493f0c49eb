"""scripts/bench-delivery: `imgtool prepare` against what operators do today, on a real Glance. The map:

    cli.py      the options, and the story from them to the tables
    cases.py    what is delivered, and as what
    ways.py     who delivers it: imgtool, and qemu-img with the usual client
    client.py   the usual client, python-openstackclient, in an environment of its own
    cloud.py    a devcloud, and what its Glance says of an image
    wire.py     counts the bytes between Glance and its clients
    gate.py     the judge: active, as many bytes as said, their sha512, and the disk that was meant
    rounds.py   interleaved rounds; each image judged, and deleted, before its time counts
    run.py      all cases, one after the other
    bars.py     what imgtool has to reach, and whether it did
    tables.py   results as aligned text, and as Markdown

Timing, results as JSON, and the machine are those of scripts/bench. Standard library only, as there.
"""
