// Where Larder is: the path of its public URL, which a proxy may set, and what is below it.
const {base, admin, app, name, mails} = document.body.dataset;

export const BASE = base; // '' or '/some/path'
export const API = `${base}/api/v1`;
export const HAS_ADMIN = admin === 'on';
export const LOGS_MAILS = mails === 'logged'; // instead of sending them
export const APP_URL = app;
export const APP_NAME = name;
