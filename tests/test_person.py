"""Who somebody is, as an identity provider says it; the provider's words are not ours."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from explorer.person import LONGEST_STAY_SECONDS, Person, act_as, acting, clean_name, read_claims

NOW = 1_800_000_000.0
CLAIMS: dict[str, Any] = {
    "iss": "https://id.example.org", "sub": "17", "iat": NOW - 60, "exp": NOW + 3600,
    "name": "Ann", "email": "Ann@example.org", "email_verified": True,
}  # fmt: skip


def read(**changes: Any) -> Person:
    found = read_claims({**CLAIMS, **changes}, ("ann@example.org",), NOW)
    assert found is not None
    return found


def test_a_person_is_known_by_issuer_and_subject_alone() -> None:
    ann = read()
    assert len(ann.id) == 24
    assert ann == Person(id=ann.id, name="Ann", email="Ann@example.org", admin=True)
    assert read(name="Other", email="other@example.org").id == ann.id
    assert read(iss="https://id.example.com").id != ann.id
    assert read(sub="18").id != ann.id
    assert read(iss="https://id.example.org\n1", sub="7").id != ann.id


@pytest.mark.parametrize("verified", [False, None, "true", 1, "", "false"])
def test_an_email_that_nobody_vouches_for_is_none_and_makes_no_administrator(verified: object) -> None:
    found = read(email_verified=verified)
    assert (found.email, found.admin) == ("", False)


def test_an_administrator_may_be_named_by_id() -> None:
    ann = read(email_verified=False)
    again = read_claims({**CLAIMS, "email_verified": False}, (ann.id,), NOW)
    assert again is not None
    assert again.admin


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": ""}, {"sub": ""}, {"iss": None}, {"sub": 17}, {"sub": ["17"]}, {"iat": None}, {"exp": None},
        {"exp": True}, {"exp": str(NOW + 60)}, {"iat": NOW - LONGEST_STAY_SECONDS - 1, "exp": NOW - 1},
    ],
)  # fmt: skip
def test_claims_that_name_nobody_or_are_over_admit_nobody(changes: dict[str, Any]) -> None:
    assert read_claims({**CLAIMS, **changes}, (), NOW) is None


def test_a_stay_is_as_long_as_the_token_or_twelve_hours() -> None:
    assert read(iat=NOW - LONGEST_STAY_SECONDS - 1, exp=NOW + 1).name == "Ann"
    assert read(iat=NOW - LONGEST_STAY_SECONDS + 1, exp=NOW - 1).name == "Ann"


def test_names_are_one_line_of_letters_that_show() -> None:
    assert clean_name("a\u202eb\n\tc\x00  d") == "abc d"
    assert len(clean_name("x" * 1000)) == 80
    found = read(name="\n\u200b", preferred_username="ann17")
    assert found.name == "ann17"
    assert read(name=None, email_verified=False).name == f"somebody ({found.id[:6]})"
    assert read(name={"x": 1}).name == "Ann"  # what stands before the @ of a verified address


def test_a_thread_acts_for_whom_it_was_begun() -> None:
    ann, seen = read(), []
    with act_as(ann):
        assert acting() == ann
        thread = threading.Thread(target=lambda: seen.append(acting()))
        thread.start()
        thread.join()
        with act_as(None):
            assert acting() is None
    assert acting() is None
    assert seen == [None]  # a new thread acts for everybody unless it is told: pages.ui.background tells it
