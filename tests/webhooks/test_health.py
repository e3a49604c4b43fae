"""Webhooks in `/metrics` and `flask doctor`."""

from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families

from backend.models.database import connected
from backend.models.delivery import Delivery
from backend.models.webhook import GONE, Webhook
from backend.services.health.webhook_checks import check_webhooks
from backend.utils.clock import utcnow
from tests.parts.webhooks import make_webhook


def metrics_of_webhooks(stranger):
    """Return the values of the metrics of webhooks, by name and label."""
    families = text_string_to_metric_families(stranger.get("http://localhost/metrics").text)
    samples = [sample for family in families for sample in family.samples if "webhook" in sample.name]
    return {(sample.name.removeprefix("larder_webhook_"), *sample.labels.values()): sample.value for sample in samples}


def checked():
    with connected():
        return check_webhooks()


def test_metrics_and_doctor_know_what_waits(notes, alice, stranger, inbox, sending):
    maker_id = alice.id
    assert metrics_of_webhooks(stranger) == {("deliveries_waiting",): 0, ("lag_seconds",): 0}
    make_webhook(maker_id, inbox.url)
    webhook_id, _ = make_webhook(maker_id, inbox.url, name="Stock")
    alice.make("notes", title="one")
    assert sending.run() == 2
    inbox.answer = lambda message: 500
    alice.make("notes", title="two")
    assert sending.run() == 2
    found = metrics_of_webhooks(stranger)
    assert 0 < found.pop(("lag_seconds",)) < 600
    assert found == {
        ("deliveries_total", "delivered"): 2,
        ("deliveries_total", "retried"): 2,
        ("deliveries_waiting",): 2,
    }
    assert checked().state == "ok"
    with connected():
        old = utcnow() - timedelta(hours=5)
        Delivery.update(created_at=old).where(Delivery.webhook_id == webhook_id).execute()
    check = checked()
    assert (check.state, check.message) == (
        "warning",
        "Deliveries of these webhooks have waited for up to 5 hours: Stock.",
    )
    with connected():
        Webhook.update(active=False, off_reason=GONE).where(Webhook.id == webhook_id).execute()
    check = checked()
    assert (check.state, check.message) == ("warning", "Their receivers are gone: Stock.")
    for number in range(6):
        make_webhook(maker_id, "https://example.com", name=f"lost {number}", secret="bG9zdA==")
    check = checked()
    assert check.state == "failure"
    assert check.message.endswith("and 1 more.")
    assert "LARDER_SECRET_KEY" in check.advice


def test_doctor_names_webhooks_whose_makers_have_left(notes, admin, alice, bob, inbox, sending):
    make_webhook(admin.id, inbox.url)
    make_webhook(alice.id, inbox.url, name="Stock")
    make_webhook(alice.id, inbox.url, name="Off", active=False)
    bob_id = bob.id
    make_webhook(bob_id, inbox.url, name="Shop")
    assert checked().state == "ok"
    assert admin.patch(f"/users/{alice.id}", json={"active": False}).status_code == 200
    assert admin.delete(f"/users/{bob_id}").status_code == 200
    check = checked()
    names = {each.strip() for each in check.message.removesuffix(".").partition(":")[2].split(",")}
    assert (check.state, names) == ("warning", {"Stock", "Shop"})
