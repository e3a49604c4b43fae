// `sequence`: a number that the database gives.
export {Input, isNumber, parse} from './integer.js';
