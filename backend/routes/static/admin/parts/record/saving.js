// Saves what is typed into the form of a record, and finds out whether somebody else has changed it meanwhile.
import {useRef, useState} from '../html.js';
import {call} from '../api.js';
import {toJson} from '../json.js';
import {notify} from '../notices.js';
import {expansion} from './access.js';
import {changedFields, draftsOf, isSame, valuesOf} from './drafts.js';

// `record` is null for a new one. onSaved gets {record, etag}.
// Returns {record, former, drafts, changed, conflict, type, save, resolve, cancel}: `former` are the drafts of what is
// stored, `changed` the fields that differ from it, `conflict` is what is stored now, if it is not what was read.
export function useSaving({resource, record, etag, settable, onSaved}) {
  const sent = useRef({}); // what was sent last, with the key that keeps it from being done twice
  const [base, setBase] = useState({record, etag});
  const [typed, setTyped] = useState({});
  const [conflict, setConflict] = useState(null);
  const former = draftsOf(settable, base.record);
  const drafts = {...former, ...typed};
  const changed = changedFields(settable, drafts, former);

  const accept = answer => {
    const next = {record: {expand: base.record?.expand, ...answer.data}, etag: answer.etag};
    setBase(next);
    setTyped(now => without(now, drafts)); // what was typed while this was sent stays
    notify('Saved.');
    onSaved(next);
  };
  const save = async () => {
    if (base.record && !changed.length) return notify('There is nothing to save.');
    const values = valuesOf(changed, drafts, !base.record);
    try {
      return accept(await write(resource, base, values, sent));
    } catch (error) {
      if (error.status !== 412) throw error;
    }
    const theirs = await call('GET', `/${resource.name}/${base.record.id}`, {query: expansion(resource)});
    const stored = draftsOf(settable, theirs.data);
    if (!changedFields(changed, drafts, stored).length) return accept(theirs); // only the answer was lost
    if (isInForm(settable, changed, stored, former)) return setConflict(theirs);
    return accept(await write(resource, {record: theirs.data, etag: theirs.etag}, values, sent));
  };
  const resolve = chosen => {
    setBase({record: conflict.data, etag: conflict.etag});
    setTyped(chosen);
    setConflict(null);
  };
  return {
    record: base.record, former, drafts, changed, conflict: conflict?.data, save, resolve,
    type: (name, draft) => setTyped(now => ({...now, [name]: draft})), cancel: () => setConflict(null),
  };
}

function without(typed, sent) {
  return Object.fromEntries(Object.entries(typed).filter(([name, draft]) => !isSame(draft, sent[name])));
}

// Whether somebody else's change concerns the form. A value that the person cannot read may have been changed, too.
function isInForm(settable, changed, stored, former) {
  return changed.some(field => !field.readable) || changedFields(settable, stored, former).length > 0;
}

function write(resource, {record, etag}, values, sent) {
  if (record) return call('PATCH', `/${resource.name}/${record.id}`, {body: values, headers: {'If-Match': etag}});
  const text = toJson(values);
  if (sent.current.text !== text) sent.current = {text, key: newKey()};
  return call('POST', `/${resource.name}`, {body: values, headers: {'Idempotency-Key': sent.current.key}});
}

function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, '0')).join('');
}
