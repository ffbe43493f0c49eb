from imgtool.util.progress import bytes_of


def test_shares_become_the_bytes_more_than_before_and_never_fewer() -> None:
    counted: list[int] = []
    listen = bytes_of(1000, counted.append)
    for share in (0.25, 0.25, 0.1, 1.0):
        listen(share)
    assert counted == [250, 0, 0, 750]
