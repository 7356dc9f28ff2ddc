/* SPDX-License-Identifier: Apache-2.0 */
/* The page around libselfsame-verify (include/selfsame-verify.h), which does all that decides: here
 * the fields become calls of its setters, and its report becomes elements. Text from outside is only
 * ever set as text. */
'use strict';

const at = id => document.getElementById(id);

/* --- the program ------------------------------------------------------------------------------ */

let x; // its exports
let said = ''; // what it wrote before it ended: one line

const view = () => new DataView(x.memory.buffer);
const decode = bytes => new TextDecoder().decode(bytes);

/* What it may ask of the system: the time, for seeds; random bytes; and to say why it ends. */
const system = {
	clock_time_get: (id, precision, ret) => {
		view().setBigUint64(ret, BigInt(Date.now()) * 1000000n, true);
		return 0;
	},
	emscripten_notify_memory_growth: () => {},
	environ_get: () => 0,
	environ_sizes_get: (n, size) => {
		view().setUint32(n, 0, true);
		view().setUint32(size, 0, true);
		return 0;
	},
	fd_write: (fd, list, n, ret) => {
		let total = 0;
		for (let i = 0; i < n; i++) {
			const p = view().getUint32(list + 8 * i, true);
			const size = view().getUint32(list + 8 * i + 4, true);
			said += decode(new Uint8Array(x.memory.buffer, p, size));
			total += size;
		}
		view().setUint32(ret, total, true);
		return 0;
	},
	/* Whether it runs with the rights of another user, which nobody here has. */
	__syscall_getuid32: () => 0,
	__syscall_geteuid32: () => 0,
	__syscall_getgid32: () => 0,
	__syscall_getegid32: () => 0,
	getentropy: (p, n) => {
		crypto.getRandomValues(new Uint8Array(x.memory.buffer, p, n));
		return 0;
	},
	proc_exit: status => {
		throw new Error(`the verifier ended with status ${status}: ${said}`);
	},
};

function imports(module) {
	const out = {};
	for (const { module: from, name } of WebAssembly.Module.imports(module)) {
		out[from] ??= {};
		out[from][name] = Object.hasOwn(system, name) ? system[name] : () => {
			throw new Error(`the verifier asked for ${name}, which there is not`);
		};
	}
	return out;
}

let module;

/* A new one for each question: one that ended in the middle leaves nothing behind. */
async function start() {
	if (!module) {
		const text = atob(at('wasm').textContent);
		module = await WebAssembly.compile(Uint8Array.from(text, c => c.charCodeAt(0)));
	}
	said = '';
	x = (await WebAssembly.instantiate(module, imports(module))).exports;
	x._initialize();
}

function put(bytes) {
	const p = x.malloc(bytes.length + 1);
	if (p === 0)
		throw new Error('no memory');
	new Uint8Array(x.memory.buffer, p, bytes.length).set(bytes);
	view().setUint8(p + bytes.length, 0);
	return p;
}

const putText = text => put(new TextEncoder().encode(text));

function text(p) {
	const bytes = new Uint8Array(x.memory.buffer, p);
	return decode(bytes.slice(0, bytes.indexOf(0)));
}

/* --- the question ----------------------------------------------------------------------------- */

/* What stands in a field and cannot be asked at all; said without a verdict. */
class Wrong extends Error {}

function field(id) {
	return at(id).value.trim();
}

function hex(id, what) {
	const s = field(id);
	if (!/^([0-9a-fA-F]{2})*$/.test(s))
		throw new Wrong(`${what} must be pairs of hexadecimal digits`);
	return Uint8Array.from(s.match(/../g) ?? [], h => parseInt(h, 16));
}

function expectBytes(q, id, what, call) {
	const bytes = hex(id, what);
	if (bytes.length > 0)
		call(q, put(bytes), bytes.length);
}

function expectText(q, id, call) {
	if (field(id) !== '')
		call(q, putText(field(id)));
}

function expectPcr(q, index, digits) {
	if (!/^[0-9a-fA-F]{96}$/.test(digits))
		throw new Wrong(`PCR${index} must be 96 hexadecimal digits`);
	x.ssv_expect_pcr(q, index, put(Uint8Array.from(digits.match(/../g), h => parseInt(h, 16))), 48);
}

function expectRegisters(q) {
	for (const i of [0, 1, 2])
		if (field(`pcr${i}`) !== '')
			expectPcr(q, i, field(`pcr${i}`));
	for (const line of field('pcrs').split('\n').map(s => s.trim()).filter(s => s !== '')) {
		const m = /^([0-9]{1,2}) *= *([0-9a-fA-F]+)$/.exec(line);
		if (!m)
			throw new Wrong('other registers must be N=HEX, one a line');
		expectPcr(q, Number(m[1]), m[2]);
	}
}

/* measurements.json and its like name their hash; a policy has no such key. The library judges
 * what it is given, strictly; this only chooses which reader it is for. */
function isMeasurements(json) {
	try {
		const o = JSON.parse(json);
		return Object.hasOwn(o, 'Measurements') || Object.hasOwn(o, 'HashAlgorithm');
	} catch {
		return false;
	}
}

let expectedName = '';

function expectJson(q) {
	const json = at('expected').value;
	if (json.trim() === '')
		return;
	const bytes = new TextEncoder().encode(json);
	const known = isMeasurements(json);
	const call = known ? x.ssv_expect_measurements : x.ssv_expect_policy;
	call(q, put(bytes), bytes.length, putText(expectedName || (known ? 'the measurements' : 'the policy')));
}

function chooseTime(q) {
	if (field('when') === 'document') {
		x.ssv_at_document(q);
	} else if (field('when') === 'now') {
		x.ssv_at_time(q, BigInt(Math.floor(Date.now() / 1000)));
	} else {
		const s = field('time');
		const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(s) ? Date.parse(s) : NaN;
		if (Number.isNaN(ms))
			throw new Wrong('the time must be one of UTC, as in 2026-11-21T10:30:00Z');
		x.ssv_at_time(q, BigInt(ms / 1000));
	}
	if (field('max-age') !== '') {
		if (!/^[0-9]{1,10}$/.test(field('max-age')))
			throw new Wrong('the age must be a number of seconds');
		x.ssv_expect_max_age(q, BigInt(field('max-age')));
	}
}

function allow(q) {
	if (at('allow-debug').checked)
		x.ssv_allow_debug(q);
	if (at('allow-emulated').checked)
		x.ssv_allow_emulated(q);
	if (field('root') !== '') {
		const pem = new TextEncoder().encode(at('root').value.trim() + '\n');
		x.ssv_trust_root_pem(q, put(pem), pem.length);
	}
}

let chosen = null; // the document's bytes

/* {yes, code, text, json} of the library. Its memory goes with it. */
async function ask() {
	if (chosen === null)
		throw new Wrong('there is no document yet');
	await start();
	const q = x.ssv_question_new();
	expectJson(q);
	expectRegisters(q);
	expectBytes(q, 'nonce', 'the nonce', x.ssv_expect_nonce);
	expectBytes(q, 'user-data', 'user_data', x.ssv_expect_user_data);
	expectBytes(q, 'public-key', 'public_key', x.ssv_expect_public_key);
	expectText(q, 'role', x.ssv_expect_role);
	expectText(q, 'instance', x.ssv_expect_instance);
	chooseTime(q);
	allow(q);
	const ret = put(new Uint8Array(4));
	x.ssv_verify(q, put(chosen), chosen.length, ret);
	const v = view().getUint32(ret, true);
	return {
		yes: x.ssv_verdict_yes(v) !== 0,
		code: text(x.ssv_verdict_code(v)),
		text: text(x.ssv_verdict_text(v)),
		json: text(x.ssv_verdict_json(v)),
	};
}

/* --- the answer ------------------------------------------------------------------------------- */

function element(name, content, className) {
	const e = document.createElement(name);
	e.textContent = content;
	if (className)
		e.className = className;
	return e;
}

function rows(pairs) {
	const dl = document.createElement('dl');
	for (const [term, value] of pairs)
		if (value !== undefined)
			dl.append(element('dt', term), element('dd', value ?? 'nothing'));
	return dl;
}

function showCheck(c) {
	const li = document.createElement('li');
	li.append(element('strong', c.Check), ' ',
		element('span', c.Holds ? 'holds' : `does not hold: ${c.Message}`, c.Holds ? 'held' : 'failed'),
		rows([['expected', c.Expected], ['found', c.Found], ['expected by', c.Source]]));
	return li;
}

function showCertificate(c) {
	const li = document.createElement('li');
	const valid = c.NotBefore && `${c.NotBefore} to ${c.NotAfter}`;
	li.append(element('strong', c.Certificate),
		rows([['subject', c.Subject], ['issuer', c.Issuer], ['valid', valid], ['SHA-256', c.Sha256]]));
	return li;
}

function showDocument(d, yes) {
	at('document-part').hidden = !d;
	if (!d)
		return;
	at('chain').replaceChildren(...d.Certificates.map(showCertificate));
	at('chain-hint').textContent = yes ? 'From the root to the one that signed the document; the chain holds.'
		: 'As the document claims them; the checks say what holds.';
	at('claims-hint').textContent = yes ? '' : 'Not proven: the verdict is no.';
	at('claims').replaceChildren(...rows([['module', d.ModuleId], ['made', d.Made],
		...Object.entries(d.Measurements), ['nonce', d.Nonce], ['user_data', d.UserData],
		['public_key', d.PublicKey]]).children);
}

/* `kind`: yes, no or none. */
function head(kind, code, line, message) {
	at('verdict').dataset.verdict = kind;
	at('verdict').dataset.code = code;
	at('verdict').textContent = line;
	at('message').textContent = message;
	at('answer').hidden = false;
	at('verdict').focus();
}

function show(answer) {
	const o = JSON.parse(answer.json);
	const kind = answer.yes ? 'yes' : o.Verdict === 'no' ? 'no' : 'none';
	at('checks').replaceChildren(...(o.Checks ?? []).map(showCheck));
	at('unchecked').replaceChildren(...(o.NotChecked ?? []).map(s => element('li', s)));
	at('changed-part').hidden = !o.Changed;
	at('changed').textContent = o.Changed ?? '';
	showDocument(o.Document, answer.yes);
	at('text').textContent = answer.text;
	at('json').textContent = answer.json;
	head(kind, answer.code, answer.text.split('\n')[0], kind === 'none'
		? 'Nothing was verified: the question is not complete.' : `Verified at ${o.At ?? 'no time'}.`);
}

function showFault(e) {
	show({ yes: false, code: 'no-question', text: `no verdict: ${e.message}\n`, json: JSON.stringify(
		{ Verdict: 'none', Reason: 'no-question', Message: e.message }, null, 2) });
	if (!(e instanceof Wrong))
		console.error(e);
}

/* --- files ------------------------------------------------------------------------------------ */

const DOCUMENT_MAX = 32768; // what is larger is a no of the library's, of which one byte more is enough
const JSON_MAX = 4194304;

async function takeDocument(file) {
	chosen = new Uint8Array(await file.slice(0, DOCUMENT_MAX + 1).arrayBuffer());
	at('document-name').textContent = `${file.name}, ${file.size} bytes`;
	at('answer').hidden = true;
}

async function takeExpected(file) {
	if (file.size > JSON_MAX) {
		showFault(new Wrong(`'${file.name}' has ${file.size} bytes; the limit is ${JSON_MAX}`));
		return;
	}
	at('expected').value = await file.text();
	expectedName = file.name;
	at('answer').hidden = true;
}

/* What is dropped is what the input of files then shows, too. */
function accept(target, input, take) {
	for (const kind of ['dragenter', 'dragover', 'dragleave', 'drop'])
		target.addEventListener(kind, e => {
			e.preventDefault();
			target.classList.toggle('over', kind === 'dragenter' || kind === 'dragover');
			if (kind === 'drop' && e.dataTransfer.files.length > 0) {
				input.files = e.dataTransfer.files;
				take(input.files[0]);
			}
		});
}

function listen(id, take) {
	at(id).addEventListener('change', () => {
		if (at(id).files.length > 0)
			take(at(id).files[0]);
	});
}

at('version').textContent = '@VERSION@';
listen('document', takeDocument);
listen('expected-file', takeExpected);
accept(at('drop'), at('document'), takeDocument);
accept(at('expected'), at('expected-file'), takeExpected);
at('expected').addEventListener('input', () => { expectedName = ''; });
at('time').addEventListener('input', () => { at('when').value = 'time'; });
/* A verdict is about the question that was asked, not about what stands in the fields since. */
at('form').addEventListener('input', () => { at('answer').hidden = true; });
/* A file that misses its target must not replace the page. */
for (const kind of ['dragover', 'drop'])
	document.addEventListener(kind, e => e.preventDefault());
at('form').addEventListener('submit', async e => {
	e.preventDefault();
	try {
		show(await ask());
	} catch (fault) {
		showFault(fault);
	}
});
