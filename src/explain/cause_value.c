/* SPDX-License-Identifier: Apache-2.0 */
#include "base/attr.h"
#include "base/text.h"
#include "explain/cause.h"

#include <string.h>

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(uint8_t c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* "d" any digit, "x" any hexadecimal digit, others themselves. */
static bool looks(struct ss_span s, size_t at, const char *form)
{
	for (; *form != '\0'; form++, at++) {
		if (at >= s.n)
			return false;
		if (*form == 'd' ? !is_digit(s.p[at])
				 : (*form == 'x' ? !is_hex(s.p[at]) : s.p[at] != (uint8_t)*form))
			return false;
	}
	return true;
}

static bool holds(struct ss_span s, const char *form)
{
	for (size_t i = 0; i < s.n; i++)
		if (looks(s, i, form))
			return true;
	return false;
}

static bool holds_text(struct ss_span s, const char *text)
{
	return s.p != NULL && memmem(s.p, s.n, text, strlen(text)) != NULL;
}

static bool holds_month(struct ss_span s)
{
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

	for (size_t i = 0; i < SS_NELEMS(months); i++)
		if (holds_text(s, months[i]))
			return true;
	return false;
}

/* Seconds (10 digits), milli-, micro-, nanoseconds since 1970, from 2001 to 2033. */
static bool is_epoch(struct ss_span s)
{
	size_t n = 0;

	while (n < s.n && is_digit(s.p[n]))
		n++;
	if (n < s.n && s.p[n] != '.')
		return false;
	return (n == 10 || n == 13 || n == 16 || n == 19) && s.p[0] == '1';
}

static bool is_time(struct ss_span s)
{
	return holds(s, "dddd-dd-dd") || holds(s, "dddd/dd/dd") || holds(s, "dd:dd:dd") ||
	       holds(s, "dd:dd") || holds(s, "ddddddddTdddddd") ||
	       (holds(s, "d") && holds_month(s)) || is_epoch(s) ||
	       (s.n == 8 && looks(s, 0, "20dddddd")) ||
	       (s.n == 14 && looks(s, 0, "20dddddddddddd"));
}

static bool is_uuid(struct ss_span s)
{
	return holds(s, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
}

static bool is_zone(struct ss_span s)
{
	static const char *const forms[] = { "+dddd", "-dddd", "+dd:dd", "-dd:dd" };
	static const char *const names[] = { "UTC", "GMT", "CET", "CEST", "EST", "PST" };
	static const char *const areas[] = { "Europe/",   "America/",   "Asia/",
					     "Africa/",   "Etc/",       "Pacific/",
					     "Atlantic/", "Australia/", "Indian/" };

	for (size_t i = 0; i < SS_NELEMS(forms); i++)
		if (s.n == strlen(forms[i]) && looks(s, 0, forms[i]))
			return true;
	for (size_t i = 0; i < SS_NELEMS(names); i++)
		if (s.n == strlen(names[i]) && memcmp(s.p, names[i], s.n) == 0)
			return true;
	for (size_t i = 0; i < SS_NELEMS(areas); i++)
		if (holds_text(s, areas[i]))
			return true;
	return false;
}

static bool is_between(uint8_t c, char from, char to)
{
	return c >= (uint8_t)from && c <= (uint8_t)to;
}

/* "de_DE", "en_US.UTF-8", "C", "POSIX", "C.UTF-8" */
static bool is_locale(struct ss_span s)
{
	if (ss_is(s, "C") || ss_is(s, "POSIX") || ss_is(s, "C.UTF-8"))
		return true;
	if (s.n < 5 || s.n >= 20 || (s.n > 5 && s.p[5] != '.' && s.p[5] != '@'))
		return false;
	return is_between(s.p[0], 'a', 'z') && is_between(s.p[1], 'a', 'z') && s.p[2] == '_' &&
	       is_between(s.p[3], 'A', 'Z') && is_between(s.p[4], 'A', 'Z');
}

static bool is_temporary(struct ss_span s)
{
	return holds_text(s, "/tmp") || holds_text(s, "tmp.") || holds_text(s, "XXXXXX") ||
	       (s.n > 6 && memcmp(s.p, "tmp", 3) == 0);
}

/* What differs is a name in a folder for temporary files, or looks like one; not what lies deeper
 * in a folder whose name is the same. */
static bool are_temporary(struct ss_span a, struct ss_span b)
{
	static const char folder[] = "/tmp/";
	const size_t n = sizeof(folder) - 1;
	size_t cut = 0;

	for (size_t i = 0; i < a.n && i < b.n && a.p[i] == b.p[i]; i++)
		if (a.p[i] == '/')
			cut = i + 1;
	if (cut >= n && memcmp(a.p + cut - n, folder, n) == 0)
		return true;
	return is_temporary((struct ss_span){ a.p + cut, a.n - cut }) &&
	       is_temporary((struct ss_span){ b.p + cut, b.n - cut });
}

static bool is_path(struct ss_span s)
{
	size_t slashes = 0;

	for (size_t i = 0; i < s.n; i++)
		slashes += s.p[i] == '/';
	return slashes >= 2 || (slashes == 1 && s.p[0] == '/' && s.n > 1);
}

static bool is_token(struct ss_span s)
{
	size_t digits = 0;
	bool all_hex = true;

	for (size_t i = 0; i < s.n; i++) {
		const uint8_t c = s.p[i];

		if (!is_alpha(c) && !is_digit(c) && c != '+' && c != '/' && c != '=' && c != '_' &&
		    c != '-')
			return false;
		digits += is_digit(c);
		all_hex = all_hex && is_hex(c);
	}
	return all_hex ? s.n >= 12 : s.n >= 20 && digits > 1;
}

static bool is_version(struct ss_span s)
{
	size_t i = s.n > 0 && s.p[0] == 'v';
	bool dot = false;

	if (i >= s.n || !is_digit(s.p[i]))
		return false;
	for (; i < s.n; i++) {
		const uint8_t c = s.p[i];

		if (!is_alpha(c) && !is_digit(c) && strchr(".+~:-", c) == NULL)
			return false;
		dot = dot || c == '.';
	}
	return dot;
}

/* The same bytes in another order, with something that divides them. */
static bool is_shuffled(struct ss_span a, struct ss_span b)
{
	uint32_t count[256] = { 0 };
	bool divided = false;

	if (a.n != b.n || a.n < 6)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		count[a.p[i]]++;
		count[b.p[i]]--;
		divided = divided || strchr(", ;:|", a.p[i]) != NULL;
	}
	for (size_t i = 0; i < SS_NELEMS(count); i++)
		if (count[i] != 0)
			return false;
	return divided;
}

static enum ex_cause cause_of_form(struct ss_span a, struct ss_span b)
{
	static const struct {
		bool (*is)(struct ss_span s);
		enum ex_cause cause;
	} forms[] = {
		{ is_uuid, EX_RAND_UUID },
		{ is_zone, EX_ENV_TIMEZONE },
		{ is_time, EX_TIME_TEXT },
		{ is_locale, EX_ENV_LOCALE },
	};

	for (size_t i = 0; i < SS_NELEMS(forms); i++)
		if (forms[i].is(a) && forms[i].is(b))
			return forms[i].cause;
	if (are_temporary(a, b))
		return EX_RAND_TEMP_NAME;
	return is_version(a) && is_version(b) ? EX_NET_PACKAGE : EX_UNKNOWN;
}

enum ex_cause ex_cause_of_values(struct ss_span a, struct ss_span b)
{
	enum ex_cause c;
	bool paths;

	if (a.n == 0 || b.n == 0)
		return EX_UNKNOWN;
	c = cause_of_form(a, b);
	if (c != EX_UNKNOWN)
		return c;
	/* What base64 writes may hold slashes, but hardly begins with one. */
	paths = is_path(a) && is_path(b);
	if (paths && a.p[0] == '/' && b.p[0] == '/')
		return EX_PATH_BUILD_DIR;
	if (a.n == b.n && is_token(a) && is_token(b))
		return EX_RAND_TOKEN;
	if (paths)
		return EX_PATH_BUILD_DIR;
	return is_shuffled(a, b) ? EX_RAND_HASH_SEED : EX_UNKNOWN;
}

enum ex_cause ex_cause_of_line(struct ss_span line)
{
	static const char *const facts[] = {
		"MemTotal:",      "MemFree:",   "MemAvailable:", "SwapTotal:", "cpu MHz",
		"model name",     "bogomips",   "microcode",     "cpu cores",  "siblings",
		"Linux version ", "HugePages_", "DirectMap",     "cache size"
	};

	for (size_t i = 0; i < SS_NELEMS(facts); i++)
		if (line.n > strlen(facts[i]) && memcmp(line.p, facts[i], strlen(facts[i])) == 0)
			return EX_ENV_MACHINE;
	return EX_UNKNOWN;
}

static bool divides(uint8_t c)
{
	return c <= ' ' || strchr("\"'=,;()<>[]{}|", c) != NULL;
}

static bool is_month(const uint8_t *p)
{
	return memchr("JFMASOND", p[0], 8) != NULL && is_between(p[1], 'a', 'z') &&
	       is_between(p[2], 'a', 'z');
}

/* Dates of one month, or of one day of two months: the rest of the date belongs to what differs. */
static void widen_date(struct ss_span a, struct ss_span b, size_t *head, size_t *tail)
{
	const size_t n = a.n - *head - *tail;
	size_t from = *head;

	while (from > 0 && a.p[from - 1] == ' ')
		from--;
	if (from < *head && from >= 3 && is_month(a.p + from - 3))
		*head = from - 3;
	if (n != 3 || b.n - *head - *tail != 3 || !is_month(a.p + *head) || !is_month(b.p + *head))
		return;
	while (*tail > 0 &&
	       (is_digit(a.p[a.n - *tail]) || a.p[a.n - *tail] == ' ' || a.p[a.n - *tail] == ':'))
		(*tail)--;
}

void ex_narrow(struct ss_span *a, struct ss_span *b)
{
	const size_t n = a->n < b->n ? a->n : b->n;
	size_t head = 0;
	size_t tail = 0;

	while (head < n && a->p[head] == b->p[head])
		head++;
	while (tail < n - head && a->p[a->n - 1 - tail] == b->p[b->n - 1 - tail])
		tail++;
	while (head > 0 && !divides(a->p[head - 1]))
		head--;
	while (tail > 0 && !divides(a->p[a->n - tail]))
		tail--;
	widen_date(*a, *b, &head, &tail);
	*a = (struct ss_span){ a->p + head, a->n - head - tail };
	*b = (struct ss_span){ b->p + head, b->n - head - tail };
}
