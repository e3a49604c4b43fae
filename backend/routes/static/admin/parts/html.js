// What every other module needs to describe and update what is shown.
import {h} from '../vendor/preact.js';
import htm from '../vendor/htm.js';

export {Fragment, render} from '../vendor/preact.js';
export {
  useCallback, useEffect, useErrorBoundary, useId, useLayoutEffect, useRef, useState,
} from '../vendor/hooks.js';
export const html = htm.bind(h);
