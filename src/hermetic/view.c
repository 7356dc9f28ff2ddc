/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/view.h"

#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

#define FIRST_LINE "selfsame-view 1\n"

enum kind { K_NUM, K_OCTAL, K_TEXT, K_ENV, K_SEED, K_ALLOW };

struct row {
	const char *key;
	enum kind kind;
	size_t at; /* in struct hm_view */
	int64_t min, max;
};

#define AT(field) offsetof(struct hm_view, field)
#define SECONDS_MAX INT64_C(4294967295) /* what the times of an image hold */

/* By key: the order in the file. */
static const struct row rows[] = {
	{ "allow-key", K_ALLOW, AT(allow), 0, 0 },
	{ "aslr", K_NUM, AT(aslr), 0, 0 },
	{ "clock-frozen", K_NUM, AT(clock_frozen), 0, SECONDS_MAX },
	{ "clock-offset", K_NUM, AT(clock_offset), -SECONDS_MAX, SECONDS_MAX },
	{ "connect-ms", K_NUM, AT(connect_ms), 1, 60000 },
	{ "cpus", K_NUM, AT(cpus), 1, 1024 },
	{ "domain", K_TEXT, AT(domain), 0, 64 },
	{ "env", K_ENV, AT(env), 0, 0 },
	{ "host", K_TEXT, AT(host), 0, 64 },
	{ "kernel-release", K_TEXT, AT(kernel_release), 0, 64 },
	{ "kernel-version", K_TEXT, AT(kernel_version), 0, 64 },
	{ "keys", K_NUM, AT(keys), 1, 1 },
	{ "locale", K_TEXT, AT(locale), 0, 64 },
	{ "memory-mib", K_NUM, AT(memory_mib), 64, 16777216 },
	{ "monotonic", K_NUM, AT(monotonic), 1, 1 },
	{ "net", K_NUM, AT(net), 1, 2 },
	{ "order", K_NUM, AT(order), 0, INT32_MAX },
	{ "path-bytes", K_NUM, AT(path_bytes), 1, 65536 },
	{ "pid-base", K_NUM, AT(pid_base), 2, 30000 },
	{ "proc", K_NUM, AT(proc), 1, 1 },
	{ "processors", K_NUM, AT(processors), 1, HM_PROCESSORS_MAX },
	{ "seed", K_SEED, AT(seed), 0, 0 },
	{ "stat", K_NUM, AT(stat), 1, 1 },
	{ "tsc", K_NUM, AT(tsc), 0, 0 },
	{ "tz", K_TEXT, AT(tz), 0, 64 },
	{ "umask", K_OCTAL, AT(umask), 0, 0777 },
	{ "user-ns", K_NUM, AT(user_ns), 1, 1 },
	{ "written", K_NUM, AT(written), 1, 1 },
};

static struct hm_num *num_of(struct hm_view *v, const struct row *r)
{
	return (struct hm_num *)(void *)((char *)v + r->at);
}

static struct hm_text *text_of(struct hm_view *v, const struct row *r)
{
	return (struct hm_text *)(void *)((char *)v + r->at);
}

/* --- values ----------------------------------------------------------------------------------- */

void hm_text_set(struct hm_text *t, const char *s)
{
	(void)snprintf(t->s, sizeof(t->s), "%s", s);
}

/* Length of a variable's name. */
static size_t name_size(const char *variable)
{
	return strcspn(variable, "=");
}

/* By name; of two with one name the order is 0. */
static int by_name(const char *a, const char *b)
{
	const size_t an = name_size(a), bn = name_size(b);
	const int d = memcmp(a, b, an < bn ? an : bn);

	return d != 0 ? d : an < bn ? -1 : an > bn;
}

/* Into a sorted list; what is equal there is replaced. */
static void add(char ***list, size_t *n, const char *s, int (*order)(const char *, const char *))
{
	const size_t size = strlen(s) + 1;
	size_t i = 0;
	char *copy = ss_calloc(size, 1);

	memcpy(copy, s, size);
	while (i < *n && order((*list)[i], s) < 0)
		i++;
	if (i < *n && order((*list)[i], s) == 0) {
		free((*list)[i]);
		(*list)[i] = copy;
		return;
	}
	*list = ss_reallocarray(*list, *n + 1, sizeof(**list));
	memmove(*list + i + 1, *list + i, (*n - i) * sizeof(**list));
	(*list)[i] = copy;
	++*n;
}

void hm_view_env(struct hm_view *v, const char *variable)
{
	add(&v->env, &v->n_env, variable, by_name);
}

void hm_view_allow(struct hm_view *v, const char *path)
{
	add(&v->allow, &v->n_allow, path, strcmp);
}

void hm_view_done(struct hm_view *v)
{
	for (size_t i = 0; i < v->n_env; i++)
		free(v->env[i]);
	free(v->env);
	for (size_t i = 0; i < v->n_allow; i++)
		free(v->allow[i]);
	free(v->allow);
	*v = (struct hm_view){ 0 };
}

void hm_view_fixed(uint32_t epoch, const uint8_t seed[32], struct hm_view *ret)
{
	struct hm_view v = {
		.aslr = hm_num(0),
		.clock_frozen = hm_num(epoch),
		.pid_base = hm_num(64), /* more than a runtime's threads take */
		.keys = hm_num(1),
		.monotonic = hm_num(1),
		.order = hm_num(1),
		.proc = hm_num(1),
		.processors = hm_num(HM_PROCESSORS),
		.stat = hm_num(1),
		.tsc = hm_num(0),
		.has_seed = true,
	};

	memcpy(v.seed, seed, sizeof(v.seed));
	hm_text_set(&v.domain, "(none)");
	hm_text_set(&v.kernel_release, "6.1.0");
	hm_text_set(&v.kernel_version, "#1 SMP selfsame");
	*ret = v;
}

bool hm_view_is_supervised(const struct hm_view *v)
{
	return v->clock_frozen.set || v->clock_offset.set || v->kernel_release.s[0] != '\0' ||
	       v->kernel_version.s[0] != '\0' || v->pid_base.set || v->proc.set || v->has_seed ||
	       v->tsc.set || v->cpus.set || v->keys.set || v->memory_mib.set || v->order.set ||
	       v->connect_ms.set || v->processors.set;
}

/* --- checks ----------------------------------------------------------------------------------- */

static bool is_printable(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static bool is_name(const char *variable)
{
	const size_t n = name_size(variable);

	return n > 0 &&
	       variable[strspn(variable, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "abcdefghijklmnopqrstuvwxyz0123456789_")] == variable[n] &&
	       (variable[0] < '0' || variable[0] > '9');
}

static int check_env(const struct hm_view *v, struct ss_err *err)
{
	if (v->n_env > HM_ENV_MAX)
		return ss_fail(err, SS_ELIMIT, "a view has at most %u variables", HM_ENV_MAX);
	for (size_t i = 0; i < v->n_env; i++) {
		if (!is_name(v->env[i]))
			return ss_fail(err, SS_EINPUT, "env: not a variable's name");
		if (!is_printable(v->env[i]))
			return ss_fail(err, SS_EINPUT, "env: '%.*s' has a control character",
				       (int)name_size(v->env[i]), v->env[i]);
		if (i > 0 && by_name(v->env[i - 1], v->env[i]) >= 0)
			return ss_fail(err, SS_EINPUT, "env: '%.*s' is not in its place",
				       (int)name_size(v->env[i]), v->env[i]);
	}
	return 0;
}

static int check_allow(const struct hm_view *v, struct ss_err *err)
{
	if (v->n_allow > HM_ENV_MAX)
		return ss_fail(err, SS_ELIMIT, "a view allows at most %u paths", HM_ENV_MAX);
	for (size_t i = 0; i < v->n_allow; i++) {
		if (v->allow[i][0] != '/' || !is_printable(v->allow[i]))
			return ss_fail(err, SS_EINPUT,
				       "allow-key: not an absolute path without control "
				       "characters");
		if (i > 0 && strcmp(v->allow[i - 1], v->allow[i]) >= 0)
			return ss_fail(err, SS_EINPUT, "allow-key: '%.200s' is not in its place",
				       v->allow[i]);
	}
	return 0;
}

static int check_row(const struct hm_view *v, const struct row *r, struct ss_err *err)
{
	const char *p = (const char *)v + r->at;
	const struct hm_num *n = (const struct hm_num *)(const void *)p;

	switch (r->kind) {
	case K_NUM:
	case K_OCTAL:
		if (n->set && (n->v < r->min || n->v > r->max))
			return ss_fail(err, SS_EINPUT,
				       "%s: %" PRId64 " is not in %" PRId64 " .. %" PRId64, r->key,
				       n->v, r->min, r->max);
		return 0;
	case K_TEXT:
		if (strlen(p) > (size_t)r->max)
			return ss_fail(err, SS_EINPUT, "%s: longer than %" PRId64 " bytes", r->key,
				       r->max);
		if (!is_printable(p))
			return ss_fail(err, SS_EINPUT, "%s: has a control character", r->key);
		return 0;
	case K_ENV:
		return check_env(v, err);
	case K_ALLOW:
		return check_allow(v, err);
	case K_SEED:
		return 0;
	}
	return 0;
}

int hm_view_check(const struct hm_view *v, struct ss_err *err)
{
	for (size_t i = 0; i < SS_NELEMS(rows); i++)
		if (check_row(v, &rows[i], err) < 0)
			return -1;
	if (v->clock_frozen.set && v->clock_offset.set)
		return ss_fail(err, SS_EINPUT, "clock-offset: the clock is frozen");
	if (v->stat.set && !v->clock_frozen.set)
		return ss_fail(err, SS_EINPUT, "stat: the clock is not frozen");
	if (v->monotonic.set && !v->clock_frozen.set)
		return ss_fail(err, SS_EINPUT, "monotonic: the clock is not frozen");
	return 0;
}

/* --- the file --------------------------------------------------------------------------------- */

static void put(struct ss_buf *b, const char *s)
{
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)s, strlen(s) });
}

static void put_line(struct ss_buf *b, const char *key, const char *value)
{
	put(b, key);
	put(b, " ");
	put(b, value);
	put(b, "\n");
}

static void write_seed(const uint8_t seed[32], struct ss_buf *ret)
{
	char hex[65];

	for (size_t i = 0; i < 32; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", seed[i]);
	put_line(ret, "seed", hex);
}

static void write_row(struct hm_view *v, const struct row *r, struct ss_buf *ret)
{
	char number[32];

	switch (r->kind) {
	case K_NUM:
	case K_OCTAL:
		if (!num_of(v, r)->set)
			return;
		if (r->kind == K_NUM)
			(void)snprintf(number, sizeof(number), "%" PRId64, num_of(v, r)->v);
		else
			(void)snprintf(number, sizeof(number), "%03" PRIo64,
				       (uint64_t)num_of(v, r)->v);
		put_line(ret, r->key, number);
		return;
	case K_TEXT:
		if (text_of(v, r)->s[0] != '\0')
			put_line(ret, r->key, text_of(v, r)->s);
		return;
	case K_ENV:
		for (size_t i = 0; i < v->n_env; i++)
			put_line(ret, r->key, v->env[i]);
		return;
	case K_ALLOW:
		for (size_t i = 0; i < v->n_allow; i++)
			put_line(ret, r->key, v->allow[i]);
		return;
	case K_SEED:
		if (v->has_seed)
			write_seed(v->seed, ret);
		return;
	}
}

void hm_view_write(const struct hm_view *v, struct ss_buf *ret)
{
	struct hm_view copy = *v; /* borrows its lists */

	put(ret, FIRST_LINE);
	for (size_t i = 0; i < SS_NELEMS(rows); i++)
		write_row(&copy, &rows[i], ret);
}

/* Digits of `base`, with a sign if it is 10; the caller compares with what would be written. */
static bool read_number(const char *s, unsigned base, int64_t *ret)
{
	const bool negative = base == 10 && *s == '-';
	int64_t v = 0;

	s += negative;
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		const int digit = *s - '0';

		if (digit < 0 || digit >= (int)base ||
		    __builtin_mul_overflow(v, (int64_t)base, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return false;
	}
	*ret = negative ? -v : v;
	return true;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_seed(const char *s, uint8_t ret[32])
{
	if (strlen(s) != 64)
		return false;
	for (size_t i = 0; i < 32; i++) {
		const int hi = digit_of(s[2 * i]), lo = digit_of(s[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		ret[i] = (uint8_t)(hi * 16 + lo);
	}
	return true;
}

/* False: not a value of this kind. What is well formed but wrong, hm_view_check() finds. */
static bool read_value(struct hm_view *v, const struct row *r, const char *value)
{
	switch (r->kind) {
	case K_NUM:
	case K_OCTAL:
		num_of(v, r)->set = true;
		return read_number(value, r->kind == K_NUM ? 10 : 8, &num_of(v, r)->v);
	case K_TEXT:
		if (value[0] == '\0' || strlen(value) >= HM_TEXT_MAX)
			return false;
		hm_text_set(text_of(v, r), value);
		return true;
	case K_ENV:
		if (v->n_env > HM_ENV_MAX)
			return false;
		hm_view_env(v, value);
		return true;
	case K_ALLOW:
		if (v->n_allow > HM_ENV_MAX)
			return false;
		hm_view_allow(v, value);
		return true;
	case K_SEED:
		v->has_seed = true;
		return read_seed(value, v->seed);
	}
	return false;
}

static int read_line(struct hm_view *v, char *line, struct ss_err *err)
{
	char *space = strchr(line, ' ');

	if (space != NULL)
		*space++ = '\0';
	for (size_t i = 0; space != NULL && i < SS_NELEMS(rows); i++) {
		if (strcmp(rows[i].key, line) != 0)
			continue;
		if (!read_value(v, &rows[i], space))
			return ss_fail(err, SS_EINPUT, "a view's %s has no such value", line);
		return 0;
	}
	return ss_fail(err, SS_EINPUT, "a view has no such line");
}

static int read_lines(struct hm_view *v, struct ss_span text, struct ss_err *err)
{
	const uint8_t *p = text.p;
	size_t left = text.n;

	while (left > 0) {
		const uint8_t *end = memchr(p, '\n', left);
		const size_t n = end != NULL ? (size_t)(end - p) : 0;
		AUTO_FREE char *line = ss_calloc(n + 1, 1);

		if (end == NULL)
			return ss_fail(err, SS_EINPUT, "a view's last line has no end");
		memcpy(line, p, n);
		if (strlen(line) != n)
			return ss_fail(err, SS_EINPUT, "a view has a NUL byte");
		if (read_line(v, line, err) < 0)
			return -1;
		p += n + 1;
		left -= n + 1;
	}
	return hm_view_check(v, err);
}

int hm_view_read(struct ss_span text, struct hm_view *ret, struct ss_err *err)
{
	static const size_t first = sizeof(FIRST_LINE) - 1;
	AUTO_BUF struct ss_buf again = SS_BUF_INIT(HM_VIEW_MAX_SIZE);
	AUTO_VIEW struct hm_view v = { 0 };

	if (text.n > HM_VIEW_MAX_SIZE)
		return ss_fail(err, SS_ELIMIT, "a view is at most %zu bytes", HM_VIEW_MAX_SIZE);
	if (text.n < first || memcmp(text.p, FIRST_LINE, first) != 0)
		return ss_fail(err, SS_EINPUT, "not a view: it begins with another line");
	if (read_lines(&v, (struct ss_span){ text.p + first, text.n - first }, err) < 0)
		return -1;
	hm_view_write(&v, &again);
	if (again.n != text.n || memcmp(again.p, text.p, text.n) != 0)
		return ss_fail(err, SS_EINPUT,
			       "a view's lines are not in their order, each once, as written here");
	*ret = v;
	v = (struct hm_view){ 0 };
	return 0;
}
