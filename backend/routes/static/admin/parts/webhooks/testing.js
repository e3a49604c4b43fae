// A test delivery, and what the receiver answered.
import {html, useEffect, useRef, useState} from '../html.js';
import {call} from '../api.js';
import {Action} from '../forms.js';
import {DeliveryState} from './states.js';

const PAUSE_MS = 500;
const MOST_READS = 60; // the receiver has 15 seconds to answer, and other deliveries may be first

// Returns [button, outcome]: what to press, and what came of it.
export function useTesting(webhook) {
  const [shown, setShown] = useState(null); // {delivery, isReading}
  const isHere = useRef(true);
  useEffect(() => () => { isHere.current = false; }, []);
  const test = async () => {
    let {data: delivery} = await call('POST', `/webhooks/${webhook.id}/test`);
    for (let reads = 0; isHere.current && reads < MOST_READS && isFresh(delivery); reads += 1) {
      setShown({delivery, isReading: true});
      await new Promise(resolve => { setTimeout(resolve, PAUSE_MS); });
      delivery = (await call('GET', `/webhooks/${webhook.id}/deliveries/${delivery.id}`)).data;
    }
    setShown({delivery, isReading: false});
  };
  return [html`<${Action} onClick=${test}>Send test<//>`, html`
    <div role="status" class=${shown ? 'card' : ''}>${shown && html`<${Outcome} ...${shown} />`}</div>`];
}

function isFresh({state, attempts}) {
  return state === 'waiting' && attempts === 0;
}

function Outcome({delivery, isReading}) {
  if (isReading) return html`<p>The test is being sent…</p>`;
  if (isFresh(delivery)) return html`<p>The test still waits. The list of deliveries shows when it is sent.</p>`;
  return html`Test: <${DeliveryState} ...${delivery} />`;
}
