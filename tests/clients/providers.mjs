// Uses the data providers of examples/ as react-admin and refine do: node providers.mjs API EMAIL PASSWORD
import assert from 'node:assert/strict';
import {larder as reactAdmin} from '../../examples/react-admin/dataProvider.js';
import {larder as refine} from '../../examples/refine/dataProvider.js';

const [api, email, password] = process.argv.slice(2);
const signIn = await fetch(`${api}/auth/login`, {
  method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({email, password}),
});
const {data: {access_token: token}} = await signIn.json();
const getToken = async () => token;

async function withReactAdmin(provider) {
  const {data: tea} = await provider.create('shelves', {data: {title: 'Tea', places: 3}});
  const {data: nuts} = await provider.create('shelves', {data: {title: 'Nuts', places: 9}});
  const list = await provider.getList('shelves', {
    pagination: {page: 1, perPage: 1}, sort: {field: 'places', order: 'DESC'}, filter: {places__gte: 1},
  });
  assert.deepEqual([list.total, list.data.map(shelf => shelf.title)], [2, ['Nuts']]);
  assert.equal((await provider.getOne('shelves', {id: tea.id})).data.title, 'Tea');
  assert.equal((await provider.getMany('shelves', {ids: [tea.id, nuts.id]})).data.length, 2);
  const change = {id: tea.id, data: {...tea, places: 4}, previousData: tea};
  assert.equal((await provider.update('shelves', change)).data.places, 4);
  await assert.rejects(provider.update('shelves', change), {status: 412});
  const {data: book} = await provider.create('boxes', {data: {label: 'A', shelf: tea.id}});
  const boxes = await provider.getManyReference('boxes', {target: 'shelf', id: tea.id, sort: {field: 'label', order: 'ASC'}});
  assert.deepEqual(boxes.data.map(each => each.id), [book.id]);
  await assert.rejects(provider.create('shelves', {data: {}}), error => Boolean(error.body.errors.title));
  await provider.updateMany('shelves', {ids: [tea.id, nuts.id], data: {places: 1}});
  assert.equal((await provider.delete('boxes', {id: book.id, previousData: book})).data.id, book.id);
  await provider.deleteMany('shelves', {ids: [tea.id, nuts.id]});
  assert.equal((await provider.getList('shelves', {})).total, 0);
}

async function withRefine(provider) {
  const {data: tea} = await provider.create({resource: 'shelves', variables: {title: 'Tea', places: 3}});
  await provider.create({resource: 'shelves', variables: {title: 'Nuts'}});
  const list = await provider.getList({
    resource: 'shelves',
    pagination: {currentPage: 1, pageSize: 10},
    sorters: [{field: 'title', order: 'desc'}],
    filters: [{field: 'title', operator: 'contains', value: 'T'}, {field: 'places', operator: 'nnull', value: true}],
  });
  assert.deepEqual([list.total, list.data[0].id], [1, tea.id]);
  const filters = [{field: 'id', operator: 'in', value: [tea.id]}];
  assert.equal((await provider.getList({resource: 'shelves', filters})).total, 1);
  assert.equal((await provider.getMany({resource: 'shelves', ids: [tea.id]})).data[0].title, 'Tea');
  assert.equal((await provider.update({resource: 'shelves', id: tea.id, variables: {places: 5}})).data.places, 5);
  assert.equal((await provider.getOne({resource: 'shelves', id: tea.id})).data.places, 5);
  await assert.rejects(provider.getList({resource: 'shelves', filters: [{field: 'title', operator: 'between', value: 1}]}));
  await assert.rejects(provider.create({resource: 'shelves', variables: {places: 'x'}}), error => Boolean(error.errors.places));
  await provider.deleteOne({resource: 'shelves', id: tea.id});
  await assert.rejects(provider.getOne({resource: 'shelves', id: tea.id}), {statusCode: 404});
}

await withReactAdmin(reactAdmin(api, getToken));
await withRefine(refine(api, getToken));
