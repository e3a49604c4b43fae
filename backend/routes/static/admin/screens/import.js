// Imports records from a file: first it is checked, then it is written.
import {html, useEffect, useRef, useState} from '../parts/html.js';
import {countText} from '../parts/amounts.js';
import {FormError} from '../parts/forms.js';
import {Progress} from '../parts/progress.js';
import {columnsToName, formatOf, queryOfFormat, typeOfFile} from '../parts/records/file_format.js';
import {ImportOptions} from '../parts/records/import_options.js';
import {ImportReport, reportOf} from '../parts/records/import_report.js';
import {Link, useLeavingGuard} from '../parts/router.js';
import {resourceNamed, titleOf} from '../parts/session.js';
import {upload} from '../parts/upload.js';
import Missing from './missing.js';

export default function ImportScreen({resource: name, query}) {
  const resource = resourceNamed(name);
  return resource?.actions.import ? html`<${Import} resource=${resource} query=${query} />` : html`<${Missing} />`;
}

function Import({resource, query}) {
  const [file, setFile] = useState(null);
  const {lenient, ...format} = formatOf(query); // how a file is written, where a link says so
  const [options, setOptions] = useState({
    key: resource.actions.create ? '' : 'id', isLenient: lenient === 'true', format,
  });
  const {state, run, stop, reset} = useImport(resource, file, options);
  const {report, error} = state;
  const [columns, setColumns] = useState([]);
  useEffect(() => {
    if (report) setColumns(former => [...new Set([...former, ...columnsToName(resource, report)])]);
  }, [report]);
  const change = next => {
    const isSameCheck = report?.isDryRun && next.keepGood !== options.keepGood;
    setOptions(next);
    if (!isSameCheck) reset();
  };
  const choose = chosen => {
    setFile(chosen);
    setColumns([]);
    reset();
  };
  const isReady = report?.isDryRun && report.good > 0 && (!report.bad || options.keepGood);
  return html`
    <div class="heading"><h1>Import ${titleOf(resource.name).toLowerCase()}</h1>
      <${Link} class="button" to=${`/admin/records/${resource.name}`}>Back to the list<//></div>
    <form onSubmit=${event => { event.preventDefault(); run({isDryRun: true}); }}>
      <${ImportOptions} ...${{resource, columns, options}} onChange=${change} onFile=${choose} isBusy=${state.isBusy}
        isUnread=${report?.good === 0} />
      <${FormError} error=${error} />
      <div class="actions">
        <button class=${isReady ? '' : 'main'} disabled=${!file} aria-disabled=${state.isBusy}>Check the file</button>
        ${isReady && html`<button type="button" class="main" aria-disabled=${state.isBusy}
          onClick=${() => run({isDryRun: false})}>Import ${countText(report.good, 'row')}</button>`}
      </div>
    </form>
    ${state.isBusy && html`<${Progress} text=${progressText(state)} sent=${state.sent}
      onStop=${state.isDryRun ? stop : undefined} />`}
    ${report && html`<${ImportReport} resource=${resource} report=${report} />`}`;
}

// Returns {state, run, stop, reset}; `state` is {isBusy, isDryRun, sent} during an import, then {report} or {error}.
function useImport(resource, file, options) {
  const [state, setState] = useState({});
  const controller = useRef(null);
  useEffect(() => () => controller.current?.abort(), []);
  useLeavingGuard(Boolean(state.isBusy && !state.isDryRun));
  const run = async ({isDryRun}) => {
    if (state.isBusy) return;
    controller.current = new AbortController();
    setState({isBusy: true, isDryRun, sent: 0});
    try {
      const {data} = await upload(`/${resource.name}/import`, file, {
        query: {...queryOf(options), dry_run: isDryRun},
        type: typeOfFile(file),
        onProgress: sent => setState(former => ({...former, sent})), signal: controller.current.signal,
      });
      setState({report: reportOf(data, isDryRun)});
    } catch (error) {
      const report = error.details && reportOf(error.details, isDryRun);
      setState(error.name === 'AbortError' ? {} : {error, report});
    }
  };
  return {state, run, stop: () => controller.current.abort(), reset: () => setState({})};
}

function queryOf({key, isLenient, keepGood, format}) {
  const mode = key ? 'upsert' : 'create';
  return {...queryOfFormat(format), mode, key: key || null, lenient: isLenient, keep_good: keepGood};
}

function progressText({isDryRun, sent}) {
  return sent < 1 ? 'Sending the file…' : isDryRun ? 'Checking the rows…' : 'Writing the rows…';
}
