// Drop a resource with its records.
import {call} from '../api.js';
import {countRecords} from '../counting.js';
import {ask} from '../dialogs.js';
import {notify} from '../notices.js';
import {navigate} from '../router.js';
import {load} from '../session.js';

export async function drop(name, etag) {
  const records = await countRecords(name);
  const isSure = await ask({
    title: `Drop ${name}?`,
    text: `This deletes the resource with ${records} and their history. Only a backup brings them back.`,
    action: 'Drop',
    isDangerous: true,
    typed: name,
  });
  if (!isSure) return;
  await call('DELETE', `/resources/${name}`, {query: {confirm: true}, headers: {'If-Match': etag}});
  notify(`The resource ${name} is dropped.`);
  await load();
  await navigate('/admin/resources', {force: true});
}
