// How webhooks and their deliveries are: words and colours.
import {html} from '../html.js';
import {secondsText} from '../amounts.js';
import {Time} from '../times.js';

export const DELIVERY_STATES = {waiting: ['Waiting', 'warning'], delivered: ['Delivered', 'right'],
  failed: ['Failed', 'wrong'], dropped: ['Not sent', 'quiet']};

const OFF_REASONS = {
  gone: 'The receiver answered 410: it wants no more calls.',
  password_set: 'Somebody else has set the password of the account that it acts for.',
  maker_inactive: 'The account that it acts for is deactivated or deleted.',
  no_resources: 'None of its resources is left.',
};

export function WebhookState({active, off_reason: reason}) {
  if (active && !reason) return html`<strong class="right">Active</strong>`;
  return html`<strong class=${reason ? 'wrong' : 'quiet'}>Off</strong>${reason && html`
    <p class="hint">${OFF_REASONS[reason] ?? reason}</p>`}`;
}

// The state of a delivery with the answer of the receiver, and when it is tried again.
export function DeliveryState({state, status, error, milliseconds, ended_at: ended, next_attempt_at: next}) {
  const [text, style] = DELIVERY_STATES[state];
  const answer = error ?? (status !== null && `Status ${status}.`);
  return html`<strong class=${style}>${text}</strong>${ended && html` <${Time} value=${ended} />`}${next && html`,
    next attempt <${Time} value=${next} />`}
    ${answer && html`<p class="hint">${answer}${milliseconds !== null && ` (${secondsText(milliseconds / 1000)})`}</p>`}
    ${state === 'dropped' && html`<p class="hint">The webhook may not see the change any more, or does not
      want it.</p>`}`;
}
