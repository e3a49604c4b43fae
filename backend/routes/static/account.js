// One page for all links in mails: it shows the fields that are needed, and sends them with the token to the API.
const pages = {
  reset: {
    title: 'Set a new password', button: 'Set password', fields: {password: 'new_password'},
    path: '../api/v1/auth/password/reset', done: 'Your new password is set. You can sign in with it now.',
  },
  verification: {
    title: 'Confirm your address', button: 'Confirm', fields: {},
    path: '../api/v1/auth/verification', done: 'Your address is confirmed. You can sign in now.',
  },
  invitation: {
    title: 'Create your account', button: 'Create account', fields: {name: 'name', password: 'password'},
    path: '../api/v1/invitations/acceptance', done: 'Your account is created. You can sign in now.',
  },
};

const page = pages[location.pathname.split('/').pop()];
const token = new URLSearchParams(location.hash.slice(1)).get('token');
const form = document.querySelector('form');
const button = document.querySelector('button');
const status = document.querySelector('[role=status]');

function say(text, wrong = false) {
  status.textContent = text;
  status.className = wrong ? 'wrong' : '';
}

function explain(error) {
  const problems = Object.values(error.details.json || {}).flat();
  return problems.length ? problems.map(problem => problem.message).join(' ') : error.message;
}

document.title = document.querySelector('h1').textContent = page.title;
button.textContent = page.button;
for (const name of Object.keys(page.fields)) {
  form.elements[name].required = true;
  form.elements[name].closest('label').hidden = false;
}
if (token) {
  button.disabled = false;
} else {
  say('The link is incomplete: open the whole link of the mail.', true);
}

form.addEventListener('submit', async event => {
  event.preventDefault();
  button.disabled = true;
  say('…');
  const body = {token};
  for (const [name, parameter] of Object.entries(page.fields)) body[parameter] = form.elements[name].value;
  try {
    const response = await fetch(page.path, {
      method: 'POST', credentials: 'omit', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body),
    });
    const answer = await response.json();
    if (answer.success) {
      history.replaceState(null, '', location.pathname);  // the token is used: remove it from the URL
      form.hidden = true;
      say(page.done);
      return;
    }
    say(explain(answer.error), true);
  } catch {
    say('The server cannot be reached. Try again.', true);
  }
  button.disabled = false;
});
