/* SPDX-License-Identifier: Apache-2.0 */
#include "base/show.h"
#include "base/text.h"
#include "launch/sv_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

/*
 * Lines: into the store, from which `logs` reads, and in the foreground to the terminal. What the
 * enclave says is bytes; on a terminal, control bytes are shown, not obeyed.
 */
static void put_line(struct sv *s, enum outlet_to to, const char *before, struct ss_span text,
		     const char *after)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT((size_t)8 * STORE_MAX_RECORD);

	if (s->outlet == NULL || s->face == NULL)
		return;
	ss_buf_put(&b, ss_text(before));
	if (to == OUTLET_OUT ? s->face->out_tty : s->face->err_tty)
		ss_show_line(&b, text);
	else
		ss_buf_put(&b, text);
	ss_buf_put(&b, ss_text(after));
	outlet_put(s->outlet, to, ss_buf_span(&b));
}

static void keep(struct sv *s, const struct frame *f)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(FRAME_HEAD + FRAME_MAX_BODY);

	frame_write(f, &b);
	if (!b.bad && b.n > 0)
		store_put(&s->lines, ss_buf_span(&b));
	sv_serve_more(s);
}

void sv_show_frame(struct sv *s, const struct frame *f)
{
	const char *after = (f->log.flags & FRAME_LINE_GOES_ON) != 0 ? "" : "\n";
	const bool out = f->log.source == FRAME_STDOUT;
	const bool theirs = out || f->log.source == FRAME_STDERR;

	keep(s, f);
	put_line(s, out && s->face != NULL && !s->face->all_to_err ? OUTLET_OUT : OUTLET_ERR,
		 theirs ? "" : "enclave: ", f->log.text, after);
	if (s->outlet != NULL && outlet_is_full(s->outlet))
		host_pause(s->host, true);
}

void sv_show_console(struct sv *s, struct ss_span line)
{
	const bool out = s->face != NULL && !s->face->all_to_err && !s->p->facts.config.logs;
	AUTO_BUF struct ss_buf b = SS_BUF_INIT((size_t)4 * CONSOLE_WATCH_LINE + 1);

	ss_show_line(&b, line);
	ss_buf_put(&b, ss_text("\n"));
	store_put(&s->console_store, ss_buf_span(&b));
	sv_serve_more(s);
	if (!s->show_console || s->outlet == NULL)
		return;
	/* The guest waits while its console is not read, so it always is. */
	if (outlet_is_full(s->outlet))
		s->console_dropped++;
	else
		outlet_put(s->outlet, out ? OUTLET_OUT : OUTLET_ERR, ss_buf_span(&b));
}

void sv_show_news(struct sv *s, int failed)
{
	if (failed != 0 && s->stops == 0) {
		errno = failed;
		sv_fail(s, "cannot write what the enclave says: %s", strerror(failed));
	}
	if (outlet_is_full(s->outlet))
		return;
	host_pause(s->host, false);
	if (s->console_dropped > 0)
		sv_note(s, "%llu lines of the console left out: output is too slow",
			(unsigned long long)s->console_dropped);
	s->console_dropped = 0;
}

void sv_note(struct sv *s, const char *fmt, ...)
{
	struct frame f = { .type = FRAME_LOG, .log.source = FRAME_RUNTIME };
	struct timespec now = { 0 };
	char text[SS_ERR_MSG_MAX + 128];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	f.log.time_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	if (s->face != NULL && !s->face->quiet)
		put_line(s, OUTLET_ERR, "selfsame: ", ss_text(text), "\n");
	/* Among the enclave's lines ours are told by this word, which the runtime does not say. */
	(void)memmove(text + strlen("host: "), text, sizeof(text) - strlen("host: "));
	memcpy(text, "host: ", strlen("host: "));
	text[sizeof(text) - 1] = '\0';
	f.log.text = ss_text(text);
	keep(s, &f);
}
