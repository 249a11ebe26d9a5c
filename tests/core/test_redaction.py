"""What leaves this machine holds no secret, no folder and no user's name."""

from __future__ import annotations

import pytest
import yaml

from auditor.base.errors import ConfigError
from auditor.base.redaction import is_secret, remember, scrubbed, shared_text
from auditor.config.audit import Config, dump_config, parse_config
from auditor.config.layers import set_layer
from auditor.config.published import shared_command, shared_config


@pytest.mark.parametrize(
    "name",
    ["key", "api_key", "apiKey", "hfToken", "DB_PASSWORD", "AWS_ACCESS_KEY_ID", "auth", "HF_TOKEN",
     "x-api-key", "mytoken", "clientSecret", "passwd", "credentials", "connection_string", "sas"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["tokenizer", "monkey", "keypoints", "author", "keystone", "bypass", "classes", "depth"]
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("text", "shared"),
    [
        ("/home/me/m.py:build", "m.py:build"),
        ("/home/alice", "~"),
        ("/Users/alice/", "~"),
        ("../../home/alice/photos", "photos"),
        ("~/x/y.pt", "y.pt"),
        ("~bob/x", "x"),
        ("C:\\Users\\bob\\m.py:build", "m.py:build"),
        ("C:/Users/bob", "~"),
        ("\\\\server\\share\\bob\\x", "x"),
        ("file:///home/me/x", "x"),
        ("root=/home/me/x;cache=/home/me/y", "root=x;cache=y"),
        ("open '/Users/Jane Doe/a b.png' now", "open 'a b.png' now"),
        ("https://a:b@x.org/p?token=abc&q=1", "https://x.org/p?token=(not shown)&q=1"),
        ("s3://key:secret@bucket/x", "s3://bucket/x"),
        ("Authorization: Bearer abcdefgh", "Authorization: (not shown) (not shown)"),
        ("{'password': 'hunter2'}", "{'password': '(not shown)'}"),
        ("photos/val", "photos/val"),
        ("https://x.org/a/b/c", "https://x.org/a/b/c"),
        ("timm:resnet50.a1_in1k?weights=pretrained",) * 2,
        ("km/h and/or", "km/h and/or"),
        (">= 0.9", ">= 0.9"),
    ],
)
def test_text_that_is_shared(text: str, shared: str) -> None:
    assert shared_text(text) == shared
    assert shared_text(shared) == shared


def test_a_command_that_is_shared() -> None:
    words = {
        "run": "run",
        "/x/y/c.yaml": "c.yaml",
        "--out=/home/a/runs": "--out=runs",
        "--weights=/a/b.pt": "--weights=b.pt",
        "--set=data.source=/q/w": "--set=data.source=w",
        "--set=model.options.token=abc": "--set=model.options.token=(not shown)",
        "--set=model.options={a: 1, token: x, d: /q/w/e}": (
            '--set=model.options={"a": 1, "token": "(not shown)", "d": "e"}'
        ),
        "--set=model={source: /q/m.py:f, options: {pwd: x}}": (
            '--set=model={"source": "m.py:f", "options": {"pwd": "(not shown)"}}'
        ),
        "--set=model.options={a: 1, token: x": "--set=model.options={a: 1, token: (not shown)",
        "--set=model.options.db.password=[1, 2]": "--set=model.options.db.password=(not shown)",
        "--set=completion.command=[a, b]": "--set=completion.command=(not shown)",
        "--set=completion.webhook_variable=https://x": (
            "--set=completion.webhook_variable=(not shown)"
        ),
        "--set=audit.seed=3": "--set=audit.seed=3",
        "--api-token=abc": "--api-token=(not shown)",
    }
    assert shared_command(list(words)) == list(words.values())
    apart = ["--set", "model.options.token=abc", "--out", "/home/a", "--data", "/d/photos"]
    assert shared_command(apart) == [
        *("--set", "model.options.token=(not shown)", "--out", "~", "--data", "photos")
    ]
    assert shared_command(shared_command(apart)) == shared_command(apart)


def test_a_config_that_is_shared_is_one_still() -> None:
    options = {
        "depth": 3,
        "class_token": True,
        "num_tokens": 4096,
        "api_key": "canary-1",
        "pin": 12345,
        "nested": {"Secret": ["canary-2"], "root": "/home/me/data", "plain": ["a", 1, None]},
        "words": ["--password", "canary-3", "--depth", "3"],
        "url": "https://me:canary-4@x.org/a",
    }
    config = parse_config(
        {
            "model": {"source": "/home/me/m.py:f", "weights": "/w/w.pt", "options": options},
            "data": {"source": "../../me/photos", "options": {"auth": {"user": "canary-5"}}},
            "audit": {"classes": ["key", "lock"]},
            "report": {"logo": "/home/me/logo.png"},
            "policy": {"decisions": "/home/me/decisions.yaml"},
            "completion": {"command": ["/home/me/tell.sh", "canary-6", "x"]},
        }
    )
    shared = Config.model_validate(shared_config(config.model_dump(mode="json")))
    text = dump_config(shared)
    assert "canary" not in text
    assert "/home" not in text
    found = yaml.safe_load(text)
    assert found["model"]["options"] == {
        "depth": 3,
        "class_token": True,
        "num_tokens": 4096,
        "api_key": "(not shown)",
        "pin": "(not shown)",
        "nested": {"Secret": "(not shown)", "root": "data", "plain": ["a", 1, None]},
        "words": ["--password", "(not shown)", "--depth", "3"],
        "url": "https://x.org/a",
    }
    assert found["audit"]["classes"] == ["key", "lock"]
    assert found["completion"]["command"] == ["tell.sh", "(not shown)", "(not shown)"]
    assert found["policy"]["decisions"] == "decisions.yaml"


def test_secrets_of_a_config_are_in_no_error_whoever_raises_it() -> None:
    parse_config(
        {
            "model": {"source": "m:f", "options": {"token": "canary-token-1"}},
            "data": {"source": "d", "options": {"db": "postgres://me:canary-pw-2@host/x"}},
            "completion": {"command": ["tell", "--token", "canary-word-3", "--key=canary-word-4"]},
        }
    )
    text = "denied: canary-token-1, canary-pw-2, canary-word-3, canary-word-4"
    assert "canary" not in scrubbed(text)
    assert "canary" not in str(ConfigError(text))


@pytest.mark.parametrize(
    "setting",
    [
        "model.options=canary",
        "completion.command=tell canary",
        "completion.webhook_variable=https://canary.example/x",
        "completion.seconds=canary",
        "data.options=[canary]",
        "model.api_key=canary",
    ],
)
def test_a_wrong_value_is_not_echoed_where_secrets_stand(setting: str) -> None:
    values = set_layer(["model.source=m:f", "data.source=d", setting], Config).values
    with pytest.raises(ConfigError) as caught:
        parse_config(values)
    assert "canary" not in str(caught.value)
    assert setting.partition("=")[0] in str(caught.value)


def test_tokens_of_headers_and_addresses_are_remembered() -> None:
    remember(
        {
            "options": {
                "header": "Authorization: Bearer HDRSECRET123",
                "address": "https://u:PASSWORD1@host/x?sig=SIGSECRET123&size=3",
            }
        }
    )
    said = scrubbed("no HDRSECRET123, PASSWORD1 or SIGSECRET123 at host, size=3")
    assert said == "no (not shown), (not shown) or (not shown) at host, size=3"
