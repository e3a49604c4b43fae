// Reads of the API that belong to a page: started when it is shown, stopped when it is left.
import {useCallback, useEffect, useLayoutEffect, useRef, useState} from './html.js';
import {call, connection, session} from './api.js';

// Returns {data, meta, etag, error, isLoading, reload}. What was read stays while the next is read.
export function useRead(path, query = {}, {headers} = {}) {
  const [state, setState] = useState({isLoading: true});
  const [round, setRound] = useState(0);
  const key = path && JSON.stringify([path, query]);
  const latest = useRef(null);
  latest.current = key;
  useLayoutEffect(() => { // so that nothing is drawn that looks as if it had been read already
    if (!path) return undefined;
    const controller = new AbortController();
    setState(former => ({...former, isLoading: true}));
    call('GET', path, {query, headers, signal: controller.signal}).then(
      answer => latest.current === key && setState({...answer, isLoading: false}),
      error => error.name !== 'AbortError' && setState(former => ({...former, error, isLoading: false})),
    );
    return () => controller.abort();
  }, [key, round]);
  const reload = useCallback(() => setRound(number => number + 1), []);
  useEffect(() => connection.subscribe(next => next === 'open' && state.error?.code === undefined && state.error
    && reload()), [state.error]);
  useEffect(() => session.subscribe(next => next === 'open' && state.error?.status === 401 && reload()), [state.error]);
  return {...state, reload};
}
