"""Accounts of a school: the whole way over a provider of OpenID Connect and back, in a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from benchmarks.serving import ROOT, free_port, serve
from tests.browser.conftest import PATIENCE_MS
from tests.browser.provider import CLIENT, SECRET, provide

PEOPLE = {
    "1": {"name": "A Student", "email": "student@school.example", "email_verified": True},
    "2": {"name": "A Teacher", "email": "teacher@school.example", "email_verified": True},
}
PATH = "/school/lab"
"""Where the app is on its server: a reverse proxy may have others beside it."""
WORDS = ("-m", "streamlit", "run", "app.py", "--server.headless", "true")


def log_in(page: Page, url: str, name: str) -> None:
    page.goto(url, timeout=PATIENCE_MS)
    page.locator(".st-key-login- button").click(timeout=PATIENCE_MS)
    page.get_by_role("link", name=name).click(timeout=PATIENCE_MS)
    expect(page.locator(".st-key-logout button")).to_contain_text(name, timeout=PATIENCE_MS)


def test_a_student_and_a_teacher_log_in_and_out(chromium: Browser, tmp_path: Path) -> None:
    pytest.importorskip("authlib")
    pytest.importorskip("httpx")
    port = free_port()
    url = f"http://localhost:{port}{PATH}"
    with provide(PEOPLE, f"{url}/oauth2callback") as provider:
        secrets = tmp_path / "secrets.toml"
        secrets.write_text(
            f'[auth]\nredirect_uri = "{provider.callback}"\ncookie_secret = "{"x" * 32}"\n'
            f'client_id = "{CLIENT}"\nclient_secret = "{SECRET}"\n'
            f'server_metadata_url = "{provider.issuer}/.well-known/openid-configuration"\n'
        )
        environment = {"CNNVIZ_TEACHERS": "teacher@school.example", "STREAMLIT_SECRETS_FILES": str(secrets)}
        with serve(tmp_path, environment, (*WORDS, "--server.port"), ROOT, port, PATH):
            student, teacher = chromium.new_context().new_page(), chromium.new_context().new_page()
            student.goto(f"{url}/data", timeout=PATIENCE_MS)
            expect(student.get_by_role("heading", level=1)).to_have_text("Log in", timeout=PATIENCE_MS)
            log_in(student, url, "A Student")
            expect(student.get_by_role("link", name="Teacher")).to_have_count(0)
            log_in(teacher, url, "A Teacher")
            teacher.get_by_role("link", name="Teacher").click()
            expect(teacher).to_have_url(re.compile(f"^{re.escape(url)}/teacher"), timeout=PATIENCE_MS)
            expect(teacher.get_by_role("heading", name="Who is here: 2")).to_be_visible(timeout=PATIENCE_MS)
            student.locator(".st-key-logout button").click()
            expect(student.get_by_role("heading", level=1)).to_have_text("Log in", timeout=PATIENCE_MS)
            for page in (student, teacher):
                page.context.close()
        assert provider.problems == []
