// One page for all links in mails: it shows the fields that are needed, and sends them with the token to the API.
const pages = {
  reset: {
    title: 'Set a new password', button: 'Set password', fields: {password: 'new_password'},
    path: '../api/v1/auth/password/reset', done: 'Your new password is set. You can sign in with it now.',
    expired: 'This link has been used or has expired. If you have set a new password with it, sign in with that. '
      + 'If not, ask for another link.',
    another: '../api/v1/auth/password/forgot',
  },
  verification: {
    title: 'Confirm your address', button: 'Confirm', fields: {},
    path: '../api/v1/auth/verification', done: 'Your address is confirmed. You can sign in now.',
    expired: 'This link has expired. Ask for another one.',
    another: '../api/v1/auth/verification/mail',
  },
  invitation: {
    title: 'Create your account', button: 'Create account', fields: {name: 'name', password: 'password'},
    path: '../api/v1/invitations/acceptance', done: 'Your account is created. You can sign in now.',
    expired: 'This invitation has been used or has expired. If you have created your account with it, sign in. '
      + 'If not, ask the person who invited you for another one.',
  },
};

const page = pages[location.pathname.split('/').pop()];
const token = new URLSearchParams(location.hash.slice(1)).get('token');
const action = document.getElementById('action');
const another = document.getElementById('another');
const status = document.querySelector('[role=status]');

function say(text, wrong = false) {
  status.textContent = text;
  status.className = wrong ? 'wrong' : '';
}

function show(id) {
  const element = document.getElementById(id);
  if (element) element.hidden = false;
}

function explain(error) {
  const problems = Object.values(error.details.json || {}).flat();
  return problems.length ? problems.map(problem => problem.message).join(' ') : error.message;
}

function offerAnother(text) {
  action.hidden = true;
  say(text);
  if (page.another) show('another');
  show('onward');
}

async function send(form, path, body) {
  const button = form.querySelector('button');
  button.disabled = true;
  say('…');
  try {
    const response = await fetch(path, {
      method: 'POST', credentials: 'omit', headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body),
    });
    return await response.json();
  } catch {
    return {success: false, error: {message: 'The server cannot be reached. Try again.', details: {}}};
  } finally {
    button.disabled = false;
  }
}

const heading = document.querySelector('h1');
document.title = document.title.replace(heading.textContent, page.title);
heading.textContent = page.title;
action.querySelector('button').textContent = page.button;
for (const name of Object.keys(page.fields)) {
  action.elements[name].required = true;
  action.elements[name].closest('label').hidden = false;
}
if (token) {
  action.hidden = false;
} else {
  offerAnother('The link is incomplete: open the whole link of the mail.');
}

action.addEventListener('submit', async event => {
  event.preventDefault();
  const body = {token};
  for (const [name, parameter] of Object.entries(page.fields)) body[parameter] = action.elements[name].value;
  const answer = await send(action, page.path, body);
  if (answer.success) {
    action.hidden = true;
    say(page.done);
    show('onward');
  } else if (answer.error.details.json?.token) {
    offerAnother(page.expired);
  } else {
    say(explain(answer.error), true);
  }
});

another.addEventListener('submit', async event => {
  event.preventDefault();
  const answer = await send(another, page.another, {email: another.elements.email.value});
  if (answer.success) {
    another.hidden = true;
    say('If this address has an account, another link is on its way to it.');
  } else {
    say(explain(answer.error), true);
  }
});
