"""Work that waits and work that is waited for never block each other."""

from threading import Event, Thread

import pytest

from kubectl_portcheck.collect.cluster.work import Questions, Work


@pytest.mark.parametrize("threads", [1, 2, 50])
def test_what_follows_comes_to_its_end_with_however_few_threads(threads: int) -> None:
    work = Work(threads)

    def follow(questions: Questions, number: int) -> int:
        return sum(f.result() for f in [questions.ask(lambda: number) for _ in range(3)])

    begun = [work.follow(follow, work, number) for number in range(20)]
    assert [b.result(timeout=10) for b in begun] == [3 * number for number in range(20)]
    work.close()


def test_the_order_in_which_work_was_begun_does_not_matter() -> None:
    """What waits comes first here, before that for which it waits."""
    work = Work(1)
    given = Event()

    def follow(questions: Questions) -> bool:
        given.wait(10)
        return questions.ask(lambda: True).result(timeout=10)

    waiting = work.follow(follow, work)
    asked = [work.ask(lambda: None) for _ in range(10)]
    given.set()
    assert waiting.result(timeout=10)
    assert all(a.result(timeout=10) is None for a in asked)
    work.close()


def test_nothing_begins_after_the_end() -> None:
    work = Work(1)
    held = Event()
    first = work.ask(held.wait, 10)
    later = [work.ask(lambda: None), work.follow(lambda: None)]
    closing = Thread(target=work.close)
    closing.start()
    closing.join(10)
    assert later[0].cancelled()
    held.set()
    assert first.result(timeout=10)
    with pytest.raises(RuntimeError):
        work.ask(lambda: None)
