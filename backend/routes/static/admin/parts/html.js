// What every other module needs to describe and update what is shown.
import {h} from '../vendor/preact.js';
import htm from '../vendor/htm.js';

export {createContext, Fragment, render} from '../vendor/preact.js';
export {
  useCallback, useContext, useEffect, useErrorBoundary, useId, useLayoutEffect, useMemo, useReducer, useRef,
  useState,
} from '../vendor/hooks.js';
export const html = htm.bind(h);
