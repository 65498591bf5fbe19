"""authlib, a client library that knows nothing of us, against the shop that runs."""

import html
import os
import re
from urllib.parse import urlencode, urlsplit

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, jwt

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
ISSUER, ADMIN = os.environ["ISSUER"], os.environ["ADMIN"]
CALLBACK = "http://127.0.0.1:9/callback"


def register():
    client = {"name": "Judge", "redirect_uris": [CALLBACK], "scopes": ["order:read"]}
    answer = requests.post(f"{ISSUER}/api/v1/oauth-clients", json=client, headers={"Authorization": f"Bearer {ADMIN}"})
    assert answer.status_code == 201, answer.text
    return answer.json()


def fill(browser, page, fields):
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    form = {html.unescape(name): html.unescape(value) for name, value in hidden} | fields
    where = urlsplit(page.url)
    return browser.post(
        f"{where.scheme}://{where.netloc}{where.path}",
        data=urlencode(form),
        headers={"Content-Type": "application/x-www-form-urlencoded", "Origin": ISSUER},
        allow_redirects=False,
    )


def visit(url):
    browser = requests.Session()
    page = browser.get(url, allow_redirects=False)
    page = fill(browser, page, {"_email": os.environ["EMAIL"], "_password": os.environ["PASSWORD"]})
    page = fill(browser, page, {"_decision": "allow"})
    assert page.status_code == 303, page.text
    return page.headers["Location"]


def main():
    known = requests.get(f"{ISSUER}/.well-known/openid-configuration").json()
    client = register()
    session = OAuth2Session(
        client["client_id"],
        client["client_secret"],
        scope="openid email order:read",
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
    )
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    url, state = session.create_authorization_url(known["authorization_endpoint"], code_verifier=verifier, nonce="n")
    back = visit(url)
    token = session.fetch_token(known["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier)
    keys = JsonWebKey.import_key_set(requests.get(known["jwks_uri"]).json())
    claims = jwt.decode(
        token["id_token"],
        keys,
        claims_options={
            "iss": {"essential": True, "value": ISSUER},
            "aud": {"essential": True, "value": client["client_id"]},
            "nonce": {"essential": True, "value": "n"},
        },
    )
    claims.validate()
    info = session.get(known["userinfo_endpoint"]).json()
    assert info["sub"] == claims["sub"] and info["email"] == os.environ["EMAIL"], info
    first = token["refresh_token"]
    renewed = session.refresh_token(known["token_endpoint"], refresh_token=first)
    assert renewed["refresh_token"] != first
    said = session.introspect_token(known["introspection_endpoint"], token=renewed["access_token"]).json()
    assert said["active"] and said["client_id"] == client["client_id"], said
    assert session.revoke_token(known["revocation_endpoint"], token=renewed["refresh_token"]).status_code == 200
    said = session.introspect_token(known["introspection_endpoint"], token=renewed["access_token"]).json()
    assert said == {"active": False}, said
    print("ok")


main()
