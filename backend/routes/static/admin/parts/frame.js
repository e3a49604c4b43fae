// What surrounds every page: the menu, messages, dialogs, and the choice of the page by the URL.
import {html, useEffect, useErrorBoundary, useState} from './html.js';
import {connection, session} from './api.js';
import {ask, Dialog, Question} from './dialogs.js';
import {Menu} from './menu.js';
import {Notices} from './notices.js';
import {APP_NAME} from './place.js';
import {place, setLeavingDialog} from './router.js';
import {load, person} from './session.js';
import {SignInForm} from './sign_in_form.js';
import {Failure} from './states.js';
import {useStore} from './store.js';
import {findPage} from '../pages.js';

setLeavingDialog(() => ask({
  title: 'Leave without saving?', text: 'What you have typed here is not saved yet.', action: 'Leave',
  isDangerous: true,
}));

export function Frame() {
  const [start, setStart] = useState({});
  const {path, query} = useStore(place);
  const {user, schema} = useStore(person);
  const {page, parameters} = findPage(path);
  const isReady = schema || page.isOfMail;
  const begin = () => load().then(() => setStart({}), error => setStart({error}));
  useEffect(() => { if (!isReady) begin(); }, [isReady]);
  useEffect(() => { page.load().catch(() => {}); }, []); // its modules arrive while the session is read
  if (start.error) return html`<main><${Failure} error=${start.error} retry=${begin} /></main>`;
  if (!isReady) return html`<main><p class="quiet" role="status">Loading…</p></main>`;
  return html`
    <a class="skip" href="#content" onClick=${skip}>Skip to the content</a>
    <${ConnectionBanner} />
    ${page.isAlone ? null : html`<${Menu} user=${user} path=${path} />`}
    <main id="content" tabindex="-1" class=${page.isAlone ? 'alone' : ''}>
      <${Page} key=${path} page=${page} parameters=${parameters} query=${query} user=${user} />
    </main>
    <${SignInAgain} />
    <${Question} />
    <${Notices} />`;
}

function skip(event) {
  event.preventDefault();
  document.getElementById('content').focus();
}

function Page({page, parameters, query, user}) {
  const [state, setState] = useState({});
  const [error, resetError] = useErrorBoundary(problem => console.error(problem));
  useEffect(() => {
    page.load().then(module => setState({Screen: module.default}), problem => setState({problem}));
  }, []);
  useEffect(watchContent, []);
  if (error || state.problem) {
    return html`<${Failure} error=${error || state.problem}
      retry=${() => (error ? resetError() : location.reload())} />`;
  }
  if (page.needsUser && !user) return html`<div><h1>Sign in</h1><${SignInForm} /></div>`;
  return html`<div>${state.Screen && html`<${state.Screen} ...${parameters} query=${query} />`}</div>`;
}

// The window has the title of the page, also when that is read later. If what had the focus is gone, the content gets
// it: else Tab would begin at the top of the window.
function watchContent() {
  const content = document.getElementById('content');
  const show = () => {
    const heading = content.querySelector('h1');
    document.title = heading ? `${heading.textContent} – ${APP_NAME}` : APP_NAME;
    if (document.activeElement === document.body) content.focus({preventScroll: true});
  };
  const observer = new MutationObserver(show);
  observer.observe(content, {childList: true, characterData: true, subtree: true});
  show();
  return () => observer.disconnect();
}

function ConnectionBanner() {
  return useStore(connection) === 'lost' && html`<p class="banner" role="alert">
    The connection to the server is lost. What you have typed stays here. Trying again…</p>`;
}

// Over the page, which keeps what was typed.
function SignInAgain() {
  const state = useStore(session);
  return state === 'ended' && html`<${Dialog} title="Sign in again" onClose=${() => session.set('none')}>
    <p>Your session has ended. What you have typed stays here.</p>
    <${SignInForm} email=${person.get().user?.email} />
  <//>`;
}
