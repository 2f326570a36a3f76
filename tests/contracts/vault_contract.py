"""What every vault promises: the port `Vault` of `ledger.application.ports`.

A backend's test class inherits `VaultContract` and provides the fixtures `vault` and `reopen`.
"""

from collections.abc import Callable

from ledger.application.ports import Vault
from tests.contracts.scribe import stream

COLLEGE, BOARD = stream(1), stream(2)
Reopen = Callable[[], Vault]  # another process that opens the same vault


class VaultContract:
    """The promises."""

    def test_same_learner_of_the_same_issuer_has_the_same_key(self, vault: Vault) -> None:
        assert vault.learner(COLLEGE, "S1") == vault.learner(COLLEGE, "S1")

    def test_key_is_the_same_after_flushing_and_for_another_process(self, vault: Vault, reopen: Reopen) -> None:
        key = vault.learner(COLLEGE, "S1")
        vault.flush()
        assert vault.learner(COLLEGE, "S1") == key
        assert reopen().learner(COLLEGE, "S1") == key
        assert reopen().data_key(key.key_id) == key.data_key

    def test_learners_and_issuers_share_no_key(self, vault: Vault) -> None:
        keys = [vault.learner(COLLEGE, "S1"), vault.learner(COLLEGE, "S2"), vault.learner(BOARD, "S1")]
        for values in ({key.data_key for key in keys}, {key.key_id for key in keys}, {key.learner for key in keys}):
            assert len(values) == 3

    def test_key_that_was_not_flushed_is_nobody_elses(self, vault: Vault, reopen: Reopen) -> None:
        key = vault.learner(COLLEGE, "S1")
        assert reopen().data_key(key.key_id) is None

    def test_flush_without_anything_new_does_nothing(self, vault: Vault) -> None:
        vault.flush()
        key = vault.learner(COLLEGE, "S1")
        vault.flush()
        vault.flush()
        assert vault.data_key(key.key_id) == key.data_key

    def test_key_id_that_nobody_has_finds_nothing(self, vault: Vault) -> None:
        assert vault.data_key(bytes(16)) is None
        assert vault.data_key(b"") is None
