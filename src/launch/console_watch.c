/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/console_watch.h"

#include "base/hex.h"
#include "base/show.h"

#include <string.h>

#define PANIC "Kernel panic - not syncing: "

static bool take(struct ss_span *s, const char *word)
{
	const size_t n = strlen(word);

	if (s->n < n || memcmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

/* All of it a number up to `max`. */
static bool number(struct ss_span s, unsigned max, unsigned *ret)
{
	unsigned v = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || v > max / 10)
			return false;
		v = v * 10 + (unsigned)(s.p[i] - '0');
	}
	*ret = v;
	return s.n > 0 && v <= max;
}

static void set_end(struct console_watch *w, enum console_end end, unsigned value,
		    struct ss_span text)
{
	w->end = end;
	w->value = value;
	(void)snprintf(w->text, sizeof(w->text), "%s", SS_SHOW(text));
}

/* "nsm ready, i-…, pcr0 <96 digits>" */
static void find_pcr0(struct console_watch *w, struct ss_span s)
{
	static const char word[] = " pcr0 ";
	const uint8_t *at = memmem(s.p, s.n, word, sizeof(word) - 1);
	char digits[2 * sizeof(w->pcr0) + 1];

	if (w->has_pcr0 || w->started || at == NULL)
		return;
	at += sizeof(word) - 1;
	if ((size_t)(s.p + s.n - at) != sizeof(digits) - 1)
		return;
	memcpy(digits, at, sizeof(digits) - 1);
	digits[sizeof(digits) - 1] = '\0';
	w->has_pcr0 = ss_unhex(digits, w->pcr0, sizeof(w->pcr0));
}

static void on_exited(struct console_watch *w, struct ss_span s)
{
	const struct ss_span none = { NULL, 0 };
	unsigned v;

	if (take(&s, "application exited ") && number(s, 255, &v))
		set_end(w, CONSOLE_EXITED, v, none);
	else if (take(&s, "application killed by signal ") && number(s, 64, &v))
		set_end(w, CONSOLE_KILLED, v, none);
}

static void read_line(struct console_watch *w, struct ss_span s)
{
	const uint8_t *panic = memmem(s.p, s.n, PANIC, strlen(PANIC));
	struct ss_span rest = s;

	if (panic != NULL) {
		rest.p = panic + strlen(PANIC);
		rest.n = (size_t)(s.p + s.n - rest.p);
		set_end(w, CONSOLE_PANIC, 0, rest);
	} else if (take(&rest, "rt:03 ")) {
		find_pcr0(w, rest);
	} else if (take(&rest, "rt:10 ")) {
		w->started = true;
	} else if (take(&rest, "rt:20 ")) {
		on_exited(w, rest);
	} else if (take(&rest, "rt:E")) {
		set_end(w, CONSOLE_STOPPED, 0, s);
	}
}

static void end_line(struct console_watch *w)
{
	const struct ss_span s = { w->buf, w->n };

	read_line(w, s);
	w->line(w->ctx, s);
	w->n = 0;
}

void console_watch_put(struct console_watch *w, struct ss_span bytes)
{
	for (size_t i = 0; i < bytes.n; i++) {
		const uint8_t c = bytes.p[i];

		if (c == '\n' || w->n == sizeof(w->buf))
			end_line(w);
		if (c != '\n' && c != '\r' && c != '\0')
			w->buf[w->n++] = c;
	}
}

void console_watch_end(struct console_watch *w)
{
	if (w->n > 0)
		end_line(w);
}
