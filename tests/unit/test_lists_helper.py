"""The lists cell's end of the pair to its helper, which the test plays."""

import asyncio
import os
import socket

import pytest

from anchorhold.lists.apart import WorkFailed
from anchorhold.lists.helper import Workshop
from anchorhold.lists.index import Spared
from anchorhold.lists.jobs import Making


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_helper_that_ends_over_its_work_keeps_nobody_waiting(cancelled: bool) -> None:
    async def conversation() -> None:
        ours, helper = socket.socketpair()
        image = os.memfd_create("test")
        with ours:
            workshop = Workshop(ours)
            work = asyncio.create_task(workshop.begin(Making((), Spared()), image).result())
            await asyncio.sleep(0)
            if cancelled:
                work.cancel()
                await asyncio.sleep(0)
            helper.close()
            async with asyncio.timeout(10):
                with pytest.raises(asyncio.CancelledError if cancelled else WorkFailed):
                    await work
            assert workshop.gone.is_set()
        os.close(image)

    asyncio.run(conversation())
