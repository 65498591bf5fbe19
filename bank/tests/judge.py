"""Stripe's own client library, speaking to the bank as if it were Stripe.

    judge.py CASE

The bank is named by BANK_URL and BANK_KEY. A case ends with status 0, or with what it found.
"""

import json
import os
import sys
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import stripe

stripe.api_base = os.environ["BANK_URL"]
stripe.api_key = os.environ["BANK_KEY"]
# What fails is to be seen, not smoothed over.
stripe.max_network_retries = 0
stripe.enable_telemetry = False

WITHIN = 20.0


def same(found, expected, about=""):
    if found != expected:
        raise AssertionError(f"{about}: found {found!r}, expected {expected!r}")


def refused(error, call):
    try:
        call()
    except error as refusal:
        return refusal
    raise AssertionError(f"it was not refused with {error.__name__}")


def pay(method="pm_card_visa", amount=1999, **more):
    return stripe.PaymentIntent.create(
        amount=amount, currency="eur", payment_method=method, confirm=True, capture_method="manual",
        payment_method_types=["card"], **more)


def a_charge_from_beginning_to_end():
    intent = stripe.PaymentIntent.create(amount=1999, currency="eur", capture_method="manual",
                                         metadata={"order": "ord_1"}, payment_method_types=["card"])
    same((intent.object, intent.status), ("payment_intent", "requires_payment_method"))
    intent = stripe.PaymentIntent.confirm(intent.id, payment_method="pm_card_visa")
    same((intent.status, intent.amount_capturable, intent.metadata["order"]), ("requires_capture", 1999, "ord_1"))
    intent = stripe.PaymentIntent.capture(intent.id, amount_to_capture=1500)
    same((intent.status, intent.amount_received, intent.amount_capturable), ("succeeded", 1500, 0))
    for amount in (500, 300):
        refund = stripe.Refund.create(payment_intent=intent.id, amount=amount, reason="requested_by_customer")
        same((refund.object, refund.status, refund.amount), ("refund", "succeeded", amount))
    over = refused(stripe.InvalidRequestError,
                   lambda: stripe.Refund.create(payment_intent=intent.id, amount=701))
    same(over.http_status, 400)
    stripe.Refund.create(payment_intent=intent.id)
    gone = refused(stripe.InvalidRequestError, lambda: stripe.Refund.create(payment_intent=intent.id))
    same(gone.code, "charge_already_refunded")
    same([refund.amount for refund in stripe.Refund.list(payment_intent=intent.id).auto_paging_iter()],
         [700, 300, 500])
    same(stripe.PaymentIntent.retrieve(intent.id).id, intent.id)


def cards_that_say_no():
    for method, code, decline in [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ]:
        no = refused(stripe.CardError, lambda: pay(method))
        same((no.http_status, no.code, no.error.decline_code), (402, code, decline), method)
        same(no.error.payment_intent["status"], "requires_payment_method", method)


def keys():
    first = pay(idempotency_key="key-1")
    again = pay(idempotency_key="key-1")
    same((again.id, again.last_response.headers.get("Idempotent-Replayed")), (first.id, "true"))
    same(first.last_response.headers.get("Idempotent-Replayed"), None)
    refused(stripe.IdempotencyError, lambda: pay(amount=2999, idempotency_key="key-1"))
    same(len(stripe.PaymentIntent.list(limit=100).data), 1)
    no = refused(stripe.CardError, lambda: pay("pm_card_chargeDeclined", idempotency_key="key-2"))
    still = refused(stripe.CardError, lambda: pay("pm_card_chargeDeclined", idempotency_key="key-2"))
    same(no.error.payment_intent["id"], still.error.payment_intent["id"])
    # A hundred at once, one charge.
    found, lock = [], threading.Lock()

    def one():
        intent = pay(idempotency_key="key-3")
        with lock:
            found.append(intent.id)

    threads = [threading.Thread(target=one) for _ in range(100)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    same((len(found), len(set(found))), (100, 1))


def giving_up():
    intent = stripe.PaymentIntent.cancel(pay().id, cancellation_reason="abandoned")
    same((intent.status, intent.amount_capturable, intent.cancellation_reason), ("canceled", 0, "abandoned"))
    late = refused(stripe.InvalidRequestError, lambda: stripe.PaymentIntent.capture(intent.id))
    same((late.code, late.error.payment_intent["status"]), ("payment_intent_unexpected_state", "canceled"))


def page(url, outcome):
    """What a browser does on the bank's page. Returns where it was sent."""
    with urllib.request.urlopen(url, timeout=WITHIN) as answer:
        text = answer.read().decode()
    if 'value="complete"' not in text:
        raise AssertionError(text)
    secret = urllib.parse.parse_qs(urllib.parse.urlparse(url).query)["secret"][0]
    body = urllib.parse.urlencode({"secret": secret, "outcome": outcome}).encode()

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    try:
        with urllib.request.build_opener(Stay).open(urllib.request.Request(url, body), timeout=WITHIN) as answer:
            return answer.status, None
    except urllib.error.HTTPError as answer:
        return answer.code, answer.headers.get("Location")


def proving_who_one_is():
    for outcome, status, said in [("complete", "requires_capture", "succeeded"),
                                  ("fail", "requires_payment_method", "failed")]:
        intent = pay("pm_card_threeDSecure2Required", return_url="https://shop.example/back?a=b")
        same((intent.status, intent.next_action.type), ("requires_action", "redirect_to_url"))
        code, where = page(intent.next_action.redirect_to_url.url, outcome)
        same((code, where), (303, f"https://shop.example/back?a=b&payment_intent={intent.id}&redirect_status={said}"))
        intent = stripe.PaymentIntent.retrieve(intent.id)
        same(intent.status, status)
        if outcome == "fail":
            same(intent.last_payment_error.code, "payment_intent_authentication_failure")
    stranger = refused(urllib.error.HTTPError, lambda: urllib.request.urlopen(
        f"{stripe.api_base}/3ds/{intent.id}?secret=guess", timeout=WITHIN))
    same(stranger.code, 404)


def cards_that_are_kept():
    customer = stripe.Customer.create(metadata={"user": "usr_1"})
    method = stripe.PaymentMethod.attach("pm_card_visa", customer=customer.id)
    same((method.card.brand, method.card.last4, method.customer), ("visa", "4242", customer.id))
    same(pay(method.id, customer=customer.id).status, "requires_capture")
    refused(stripe.InvalidRequestError, lambda: pay(method.id))
    same(stripe.PaymentMethod.detach(method.id).customer, None)
    made = stripe.PaymentMethod.create(type="card", card={"number": "4000000000009995", "exp_month": 8,
                                                          "exp_year": 2031, "cvc": "123"})
    no = refused(stripe.CardError, lambda: pay(made.id))
    same(no.error.decline_code, "insufficient_funds")


def wrong_requests():
    stranger = refused(stripe.AuthenticationError, lambda: pay(api_key="sk_test_guess"))
    same(stranger.http_status, 401)
    missing = refused(stripe.InvalidRequestError, lambda: stripe.PaymentIntent.retrieve("pi_nobody"))
    same((missing.http_status, missing.code), (404, "resource_missing"))
    for call, param in [
        (lambda: pay(amount=0), "amount"),
        (lambda: pay("pm_card_nobody"), "payment_method"),
        (lambda: stripe.PaymentIntent.create(amount=1, currency="eur", colour="red"), "colour"),
        (lambda: stripe.PaymentIntent.create(amount=1), "currency"),
    ]:
        same(refused(stripe.InvalidRequestError, call).param, param)


def finding_by_metadata():
    intent = pay(metadata={"payment_id": "pay_7"})
    found = stripe.PaymentIntent.search(query="metadata['payment_id']:'pay_7'")
    same([one.id for one in found.data], [intent.id])
    same(stripe.PaymentIntent.search(query="metadata['payment_id']:'pay_8'").data, [])


def answers_that_get_lost():
    """What was asked for is done; whoever asks again with the same key learns it."""
    for method in ("pm_card_failsAfterCharging", "pm_card_dropsAfterCharging"):
        refused((stripe.APIError, stripe.APIConnectionError), lambda: pay(method, idempotency_key=method))
        intent = pay(method, idempotency_key=method)
        same(intent.status, "requires_capture", method)
        found = stripe.PaymentIntent.list(limit=100).data
        same(len([one for one in found if one.payment_method == method]), 1, method)


class Merchant(BaseHTTPRequestHandler):
    """Takes news, the first time unwillingly."""
    heard, refusals = [], [500]

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if Merchant.refusals:
            self.send_response(Merchant.refusals.pop())
        else:
            Merchant.heard.append((body, self.headers["Stripe-Signature"]))
            self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def webhooks():
    secret, port = os.environ["BANK_WEBHOOK_SECRET"], int(os.environ["BANK_WEBHOOK_PORT"])
    server = HTTPServer(("127.0.0.1", port), Merchant)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    intent = pay("pm_card_webhookFirst")
    done = threading.Event()
    for _ in range(200):
        if Merchant.heard:
            break
        done.wait(0.1)
    body, signature = Merchant.heard[0]
    event = stripe.Webhook.construct_event(body, signature, secret)
    same((event.type, event.data.object.id), ("payment_intent.amount_capturable_updated", intent.id))
    refused(stripe.SignatureVerificationError, lambda: stripe.Webhook.construct_event(body + b" ", signature, secret))
    Merchant.heard.clear()
    pay("pm_card_webhookFirst")
    same(len(Merchant.heard), 1, "the news were there before the answer")
    server.shutdown()


if __name__ == "__main__":
    try:
        {name: case for name, case in globals().items() if callable(case)}[sys.argv[1]]()
    except AssertionError as found:
        print(json.dumps(str(found)), file=sys.stderr)
        sys.exit(1)
