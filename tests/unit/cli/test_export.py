"""Export, and awards verified in the archive when the home is gone, through the command in this process."""

import json
import shutil
from itertools import product
from pathlib import Path

import pytest

from ledger import exporting
from ledger.adapters.archive_folder import ArchiveFolder
from ledger.adapters.home import Home
from ledger.application.archiving import PublishedHead
from ledger.domain.codes import parse_link_code, stream_of
from ledger.domain.log import Log
from ledger.record.capsule import open_capsule
from ledger.signing.signer import Ed25519Signer
from ledger.tlog.cosignature import CosignerKey
from ledger.tlog.note import VerifierKey
from tests.odd_files import ODD, bounded, put
from tests.unit.cli.command import NOBODY, ROW, Command

KEYLESS = b'{"testamur_archive":1,"registries":[],"log_keys":["x"]}'


@pytest.fixture
def college(ledger: Command, tmp_path: Path) -> Command:
    """The same, and the board, whose word counts, recognises the college."""
    assert ledger("issuer", "recognise", "college", "--since", "2020-01-01").code == 0
    settings = tmp_path / "home" / "testamur.toml"
    did = "did:web:localhost%3A8000:issuers:board"
    settings.write_text(settings.read_text().replace("registries = []", f'registries = ["{did}"]'))
    (tmp_path / "policy").write_text(f"log {vkey(ledger)}\nquorum none\n")
    return ledger


def vkey(ledger: Command) -> str:
    return ledger("log", "vkey").out.splitlines()[-1]


def signing_keys(college: Command) -> list[str]:
    keys = json.loads(college("issuer", "key", "list", "college", "--json").out)["keys"]
    return [key["kid"] for key in keys if key["role"] == "signing"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def verify(command: Command, folder: Path, code: str, *more: str) -> tuple[int, dict[str, object]]:
    """The exit code and the verdict, with nothing but the folder and a policy."""
    policy = () if "--policy" in more else ("--policy", str(folder.parent / "policy"))
    ended = command("verify", code, "--archive", str(folder), "--json", *policy, *more)
    verdict = json.loads(ended.out or '{"verdict": null}')
    assert isinstance(verdict, dict)
    return ended.code, verdict


def issue(ledger: Command, tmp_path: Path, **more: str) -> dict[str, str]:
    """The receipt of a new award."""
    path = tmp_path / "row.json"
    path.write_text(json.dumps({**ROW, **more}))
    receipt = json.loads(ledger("issue", str(path), "--json").out)
    assert isinstance(receipt, dict)
    return receipt


def test_every_code_says_the_same_from_the_archive_when_the_home_is_gone(
    college: Command, tmp_path: Path, folder: Path
) -> None:
    good, revoked = issue(college, tmp_path), issue(college, tmp_path, student_number="S2")
    assert college("revoke", revoked["code"], "--reason", "issued_in_error").code == 0
    shown = {each["code"]: json.loads(college("show", each["url"], "--json").out) for each in (good, revoked)}
    assert college("export", str(folder)).code == 0
    shutil.rmtree(tmp_path / "home")
    for code, expected, ends in ((good["code"], "valid", 0), (revoked["code"], "revoked", 1)):
        ended, verdict = verify(college, folder, code)
        assert (ended, verdict["verdict"]) == (ends, expected)
        for name in ("award", "change", "amendments", "current_version", "in_force"):
            assert verdict[name] == shown[code][name]
    assert verify(college, folder, NOBODY)[1]["verdict"] == "not_found"


def test_archive_without_the_capsule_says_genuine_code_holder_not_confirmed(
    college: Command, tmp_path: Path, folder: Path
) -> None:
    receipt = issue(college, tmp_path)
    assert college("export", str(folder)).code == 0
    next((folder / "capsules").glob("*/*")).unlink()
    ended, said = verify(college, folder, receipt["code"])
    assert (ended, said["verdict"]) == (3, "holder_unconfirmed")


@pytest.mark.parametrize(
    ("act", "verdict"), [("revoke", "revoked"), ("suspend", "suspended"), ("theft", "key_compromised")]
)
def test_what_was_withdrawn_is_so_also_where_the_capsule_was_taken_out(
    college: Command, tmp_path: Path, folder: Path, act: str, verdict: str
) -> None:
    receipt = issue(college, tmp_path)
    if act == "theft":
        (stolen,) = signing_keys(college)
        assert college("issuer", "key", "add", "--issuer", "college").code == 0
        place = str(receipt["position"])
        told = college("issuer", "key", "compromised", stolen, "--from-position", place, "--issuer", "college")
        assert told.code == 0
    else:
        assert college(act, receipt["code"], "--reason", "other").code == 0
    assert college("export", str(folder)).code == 0
    for whole in (True, False):
        ended, said = verify(college, folder, receipt["code"])
        assert (ended, said["verdict"], said["in_force"]) == (1, verdict, False), whole
        for capsule in (folder / "capsules").glob("*/*"):
            capsule.unlink()
    told = college("verify", receipt["code"], "--archive", str(folder), "--policy", str(tmp_path / "policy"))
    assert told.out.startswith(f"{verdict}: this code was issued by ")
    alone = college("verify", receipt["code"], "--archive", str(folder))
    assert (alone.code, alone.out) == (1, told.out)
    assert "on the archive's own word alone" in alone.err


def test_code_without_a_capsule_is_genuine_only_where_all_else_verifies(
    college: Command, tmp_path: Path, folder: Path
) -> None:
    receipt = issue(college, tmp_path)
    assert college("export", str(folder)).code == 0
    next((folder / "capsules").glob("*/*")).unlink()
    for definition in (folder / "definitions").iterdir():
        definition.unlink()  # so whoever the issuer is, is not known
    ended, verdict = verify(college, folder, receipt["code"])
    assert (ended, verdict["verdict"]) == (3, "not_checked")


def test_archive_is_carried_on_with_what_is_new(college: Command, tmp_path: Path, folder: Path) -> None:
    first = issue(college, tmp_path)
    before = json.loads(college("export", str(folder), "--json").out)
    second = issue(college, tmp_path, student_number="S2")
    assert college("suspend", first["code"], "--reason", "other").code == 0
    after = json.loads(college("export", str(folder), "--json").out)
    assert (before["before"], before["capsules"]) == (0, 1)
    assert (after["before"], after["capsules"]) == (before["size"], 2)
    again = json.loads(college("export", str(folder), "--json").out)
    assert (again["before"], again["size"], again["capsules"]) == (after["size"], after["size"], 0)
    assert verify(college, folder, first["code"])[1]["verdict"] == "suspended"
    assert verify(college, folder, second["code"])[1]["verdict"] == "valid"
    whole = tmp_path / "whole"
    assert college("export", str(whole)).code == 0
    names = [path.relative_to(whole) for path in whole.rglob("*") if path.is_file()]
    assert sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file()) == sorted(names)
    for name in names:  # capsules are sealed with a nonce of their own each time
        assert name.parts[0] == "capsules" or (folder / name).read_bytes() == (whole / name).read_bytes()


def test_what_is_new_since_a_checkpoint_is_laid_over_an_older_archive(
    college: Command, tmp_path: Path, folder: Path
) -> None:
    receipt = issue(college, tmp_path)
    assert college("export", str(folder)).code == 0
    assert college("revoke", receipt["code"], "--reason", "other").code == 0
    more = tmp_path / "more"
    assert college("export", str(more), "--since", str(folder / "log" / "checkpoint")).code == 0
    assert verify(college, folder, receipt["code"])[1]["verdict"] == "valid"
    shutil.copytree(more, folder, dirs_exist_ok=True)
    assert verify(college, folder, receipt["code"])[1]["verdict"] == "revoked"


def test_award_that_a_thief_amended_is_archived_anew_once_the_theft_is_reported(
    college: Command, tmp_path: Path, folder: Path
) -> None:
    receipt = issue(college, tmp_path)
    by_thief = college("amend", receipt["code"], "--set", "full_name=A Thief", "--reason", "other", "--json")
    assert by_thief.code == 0
    assert college("export", str(folder)).code == 0
    assert verify(college, folder, receipt["code"])[1]["verdict"] == "amended"
    (stolen,) = signing_keys(college)
    assert college("issuer", "key", "add", "--issuer", "college").code == 0
    place = str(json.loads(by_thief.out)["position"])
    assert college("issuer", "key", "compromised", stolen, "--from-position", place, "--issuer", "college").code == 0
    shown = json.loads(college("show", receipt["code"], "--json").out)
    assert college("export", str(folder)).code == 0
    verdict = verify(college, folder, receipt["code"])[1]
    assert (verdict["verdict"], verdict["award"]) == ("valid", shown["award"])
    code = parse_link_code(receipt["code"])
    stream = str(stream_of(code))
    capsule = open_capsule((folder / "capsules" / stream[-2:] / stream).read_bytes(), code)
    content = b"".join(opening.content for parts in capsule.parts.values() for opening in parts.values())
    assert b"A Thief" not in content


def test_archive_that_another_export_works_on_is_left_alone(college: Command, tmp_path: Path, folder: Path) -> None:
    issue(college, tmp_path)
    with ArchiveFolder(folder).held():
        ended = college("export", str(folder))
        assert (ended.code, "another export works on" in ended.err) == (3, True)
        assert ArchiveFolder(folder).list("") == []
    assert college("export", str(folder)).code == 0
    assert not (folder / ".lock").exists()


def test_export_reads_what_is_published_only_once_it_has_the_folder_for_itself(
    college: Command, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = exporting._published_head
    among: list[int] = []

    def meanwhile(home: Home, log: Log) -> PublishedHead:
        head = published(home, log)
        if not among:
            among.append(0)
            issue(college, tmp_path)
            among.append(college("export", str(folder)).code)  # which has more than `head`
        return head

    monkeypatch.setattr(exporting, "_published_head", meanwhile)
    assert college("export", str(folder)).code == 0
    assert among == [0, 3]
    assert college("audit", "--archive", str(folder)).code == 0


def test_archive_of_another_log_is_not_carried_on(college: Command, tmp_path: Path, folder: Path) -> None:
    issue(college, tmp_path)
    (folder / "log").mkdir(parents=True)
    (folder / "log" / "checkpoint").write_text("other.example/log\n1\n" + "A" * 43 + "=\n\n— other.example/log AAAA\n")
    ended = college("export", str(folder))
    assert (ended.code, "other.example" in ended.err) == (1, True)
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["checkpoint"]


def test_every_file_of_the_archive_that_the_verdict_rests_on_is_missed_when_it_changes(
    college: Command, tmp_path: Path, folder: Path
) -> None:
    receipt = issue(college, tmp_path)
    assert college("export", str(folder)).code == 0
    good = verify(college, folder, receipt["code"])[1]
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        raw = path.read_bytes()
        path.write_bytes(raw[:-2] + bytes([raw[-2] ^ 1]) + raw[-1:])
        code, verdict = verify(college, folder, receipt["code"])
        if code == 0:  # nothing of it is needed for this award
            assert verdict == {**good, "known_at": verdict["known_at"]}, path
        path.write_bytes(raw)


def test_old_name_is_in_no_capsule_that_the_code_opens(college: Command, tmp_path: Path, folder: Path) -> None:
    receipt = issue(college, tmp_path, full_name="Former Name")
    amended = college("amend", receipt["code"], "--set", "full_name=Present Name", "--reason", "issued_in_error")
    assert amended.code == 0
    assert college("export", str(folder)).code == 0
    code = parse_link_code(receipt["code"])
    stream = str(stream_of(code))
    capsule = open_capsule((folder / "capsules" / stream[-2:] / stream).read_bytes(), code)
    content = b"".join(opening.content for parts in capsule.parts.values() for opening in parts.values())
    assert b"Present Name" in content
    assert b"Former Name" not in content
    ended, verdict = verify(college, folder, receipt["code"] + "/2")
    assert (ended, verdict["verdict"]) == (0, "valid")


def test_archive_is_believed_about_its_log_only_as_the_policy_says(
    college: Command, tmp_path: Path, folder: Path
) -> None:
    receipt = issue(college, tmp_path)
    assert college("export", str(folder)).code == 0
    assert verify(college, folder, receipt["code"])[1]["verdict"] == "valid"
    key, stranger = vkey(college), Ed25519Signer(bytes(32)).public_key
    other = VerifierKey.of(key.partition("+")[0], stranger).to_text()
    witness = CosignerKey.of("witness.example", stranger).to_text()
    for policy, why in (
        (f"log {other}\nquorum none\n", "no key that the policy names signed the checkpoint"),
        ("quorum none\n", "no key that the policy names signed the checkpoint"),
        (f"log {key}\nwitness w {witness}\nquorum w\n", "too few of the witnesses"),
    ):
        (tmp_path / "policy").write_text(policy)
        ended = college("verify", receipt["code"], "--archive", str(folder), "--policy", str(tmp_path / "policy"))
        assert (ended.code, ended.out) == (3, ""), policy
        assert why in ended.err


def test_archive_without_a_policy_is_judged_on_its_own_word_and_says_so(
    college: Command, tmp_path: Path, folder: Path
) -> None:
    receipt = issue(college, tmp_path)
    assert college("export", str(folder)).code == 0
    for more, warned in (((), True), (("--quiet",), False)):
        ended = college("verify", receipt["code"], "--archive", str(folder), *more)
        assert (ended.code, ended.out.partition(":")[0]) == (0, "valid")
        assert "All of this is on the archive's own word" in ended.out
        assert ("own word alone: give --policy or --vkey" in ended.err) is warned
    said = json.loads(college("verify", receipt["code"], "--archive", str(folder), "--json").out)
    assert (said["verdict"], said["findings"][0]["reason"]) == ("valid", "own_word")
    confirmed = college("verify", receipt["code"], "--archive", str(folder), "--vkey", vkey(college), "--json")
    assert (confirmed.code, json.loads(confirmed.out)["findings"][0]["reason"], confirmed.err) == (0, "ok", "")
    assert college("revoke", receipt["code"], "--reason", "other").code == 0
    assert college("export", str(folder)).code == 0
    assert college("verify", receipt["code"], "--archive", str(folder)).code == 1


def test_what_is_wrong_with_the_archive_is_not_said_of_the_award(
    college: Command, tmp_path: Path, folder: Path
) -> None:
    receipt = issue(college, tmp_path)
    assert college("export", str(folder)).code == 0
    (tile,) = (folder / "log" / "tile" / "0").rglob("000.p/*")
    (bundle,) = (folder / "log" / "tile" / "entries").rglob("000.p/*")
    capsule = next((folder / "capsules").glob("*/*"))
    checkpoint = folder / "log" / "checkpoint"
    for place, content, code in (
        *((place, (raw := place.read_bytes())[:-1] + bytes([raw[-1] ^ 1]), 2) for place in (tile, bundle, capsule)),
        *((place, b"", 2) for place in (tile, bundle, capsule, checkpoint)),
        *((place, None, 2) for place in (tile, bundle, checkpoint)),
        (checkpoint, checkpoint.read_bytes().replace(b"\n14\n", b"\n15\n"), 1),  # in the name of the log
    ):
        kept = place.read_bytes()
        assert content != kept
        place.unlink()
        if content is not None:
            place.write_bytes(content)
        ended = college("verify", receipt["code"], "--archive", str(folder), "--policy", str(tmp_path / "policy"))
        assert (ended.code, ended.out) == (code, ""), (place.name, content)
        place.write_bytes(kept)


@pytest.mark.parametrize(
    "content", [None, b"{", b"[]", b"{}", b'{"testamur_archive":1}', b'{"testamur_archive":2}', KEYLESS]
)
def test_folder_that_is_no_archive_is_said_to_be_none(
    college: Command, tmp_path: Path, folder: Path, content: bytes | None
) -> None:
    receipt = issue(college, tmp_path)
    assert college("export", str(folder)).code == 0
    if content is None:
        (folder / "archive.json").unlink()
    else:
        (folder / "archive.json").write_bytes(content)
    assert college("verify", receipt["code"], "--archive", str(folder)).code == 2
    assert verify(college, tmp_path / "nowhere", receipt["code"]) == (2, {"verdict": None})
    assert verify(college, folder, receipt["credential_id"])[0] == 2


def test_archive_of_a_stranger_is_neither_waited_for_nor_read_without_end(
    college: Command, tmp_path: Path, folder: Path
) -> None:
    receipt = issue(college, tmp_path)
    assert college("export", str(folder)).code == 0
    checkpoint = folder / "log" / "checkpoint"
    capsule = next((folder / "capsules").glob("*/*"))
    for place, kind in product((folder / "archive.json", checkpoint, capsule), ODD):
        kept = place.read_bytes()
        put(kind, place)
        with bounded():
            ended = college("verify", receipt["code"], "--archive", str(folder))
            assert (ended.code, ended.out) == (2, ""), (place, kind)
            assert place.name in ended.err
            if place == checkpoint:
                assert college("audit", "--archive", str(folder)).code == 2
                assert college("export", str(folder)).code == 2
        place.unlink()
        place.write_bytes(kept)
