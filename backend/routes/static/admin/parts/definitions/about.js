// What the form of a definition must know: the types of fields, and the names of resources and roles.
import {call} from '../api.js';
import {useEffect, useState} from '../html.js';
import {useFieldTypes} from './types.js';

const USUAL_ROLES = ['member', 'editor'];

// Returns {types, resources, roles}, or {error, retry}; neither while it is read.
export function useAbout() {
  const {types, error: failure, reload} = useFieldTypes();
  const [state, setState] = useState({});
  const read = () => readNames().then(names => setState({names}), error => setState({error}));
  useEffect(() => { read(); }, []);
  const error = failure ?? state.error;
  if (error) return {error, retry: () => { reload(); read(); }};
  return types && state.names ? {types, ...state.names} : {};
}

async function readNames() {
  const [resources, roles] = await Promise.all([call('GET', '/resources'), readRoles()]);
  return {resources: resources.data.map(({name}) => name), roles};
}

async function readRoles() {
  try {
    return (await call('GET', '/roles')).data.map(({name}) => name);
  } catch (error) {
    if (error.status === 403) return USUAL_ROLES; // those of the definition are added
    throw error;
  }
}
