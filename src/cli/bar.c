/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bar.h"

#include "base/mem.h"
#include "base/show.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CELLS 24u
#define REDRAW_MS 100u
#define LINE_MAX_SHOWN ((size_t)4 * 4096) /* a line of 4096 bytes, each escaped */
#define WIPE "\r\033[K"

struct bar {
	struct ss_progress base; /* first: the pointers are converted */
	pthread_mutex_t lock;
	bool quiet;
	bool verbose;
	bool terminal;
	bool drawn; /* the terminal's current line is ours */
	char what[96];
	uint64_t total;
	uint64_t done;
	uint64_t began_ms;
	uint64_t drawn_ms;
};

static uint64_t now_ms(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static double mib(uint64_t bytes)
{
	return (double)bytes / (1024.0 * 1024.0);
}

static void wipe(struct bar *b)
{
	if (b->drawn)
		(void)fputs(WIPE, stderr);
	b->drawn = false;
}

static void draw(struct bar *b)
{
	const uint64_t done = b->done < b->total ? b->done : b->total;
	const unsigned full =
		b->total > 0 ? (unsigned)((double)done / (double)b->total * CELLS) : 0;
	char cells[CELLS + 1];

	memset(cells, '#', full);
	memset(cells + full, '.', CELLS - full);
	cells[CELLS] = '\0';
	if (b->total > 0)
		(void)fprintf(stderr, WIPE "%s [%s] %3.0f %%", b->what, cells,
			      (double)done * 100.0 / (double)b->total);
	else if (b->done > 0)
		(void)fprintf(stderr, WIPE "%s: %.1f MiB", b->what, mib(b->done));
	else
		(void)fprintf(stderr, WIPE "%s", b->what);
	b->drawn = true;
	b->drawn_ms = now_ms();
}

/* The phase under way is over: with --verbose say what it cost. */
static void end_phase(struct bar *b)
{
	if (b->verbose && b->what[0] != '\0') {
		const double seconds = (double)(now_ms() - b->began_ms) / 1000.0;

		wipe(b);
		if (b->done > 0)
			(void)fprintf(stderr, "selfsame: %s: done, %.1f MiB in %.1f s\n", b->what,
				      mib(b->done), seconds);
		else
			(void)fprintf(stderr, "selfsame: %s: done in %.1f s\n", b->what, seconds);
	}
	b->what[0] = '\0';
}

static void on_phase(struct ss_progress *p, const char *what, uint64_t total)
{
	struct bar *b = (struct bar *)p;

	(void)pthread_mutex_lock(&b->lock);
	end_phase(b);
	(void)snprintf(b->what, sizeof(b->what), "%s", what);
	b->total = total;
	b->done = 0;
	b->began_ms = now_ms();
	if (b->terminal)
		draw(b);
	else if (!b->quiet)
		(void)fprintf(stderr, "selfsame: %s\n", what);
	(void)pthread_mutex_unlock(&b->lock);
}

static void on_step(struct ss_progress *p, uint64_t bytes)
{
	struct bar *b = (struct bar *)p;

	(void)pthread_mutex_lock(&b->lock);
	b->done += bytes;
	if (b->terminal && b->what[0] != '\0' && now_ms() - b->drawn_ms >= REDRAW_MS)
		draw(b);
	(void)pthread_mutex_unlock(&b->lock);
}

static void on_note(struct ss_progress *p, const char *line)
{
	struct bar *b = (struct bar *)p;
	AUTO_BUF struct ss_buf text = SS_BUF_INIT(LINE_MAX_SHOWN);

	ss_show_line(&text, (struct ss_span){ (const uint8_t *)line, strlen(line) });
	(void)pthread_mutex_lock(&b->lock);
	wipe(b);
	if (!b->quiet)
		(void)fprintf(stderr, "%.*s\n", (int)text.n, text.n > 0 ? (char *)text.p : "");
	if (b->terminal && b->what[0] != '\0')
		draw(b);
	(void)pthread_mutex_unlock(&b->lock);
}

struct ss_progress *cli_bar_new(bool quiet, bool verbose)
{
	struct bar *b = ss_calloc(1, sizeof(*b));
	const char *term = getenv("TERM");

	b->base = (struct ss_progress){ on_phase, on_step, on_note };
	(void)pthread_mutex_init(&b->lock, NULL);
	b->quiet = quiet;
	b->verbose = verbose && !quiet;
	b->terminal = !quiet && isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
	return &b->base;
}

void cli_bar_free(struct ss_progress *p)
{
	struct bar *b = (struct bar *)p;

	end_phase(b);
	wipe(b);
	(void)fflush(stderr);
	(void)pthread_mutex_destroy(&b->lock);
	free(b);
}
