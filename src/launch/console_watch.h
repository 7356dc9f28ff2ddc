/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "base/cur.h"

/*
 * What an enclave's console says, line by line, where there is one: on QEMU, and on Nitro in debug
 * mode. Lines are for people. Two things are read out of them (docs/formats/ramdisk.md, "Console"):
 * the PCR0 that the runtime saw, before anything else could write there; and, for an enclave that
 * ended without saying so on its control stream, how: the application can write such lines too, but
 * only about its own end.
 */
#define CONSOLE_WATCH_LINE 4096u

enum console_end {
	CONSOLE_NO_END,
	CONSOLE_EXITED,  /* value = status */
	CONSOLE_KILLED,  /* value = signal */
	CONSOLE_STOPPED, /* "rt:E…": the runtime refused; text says why */
	CONSOLE_PANIC,   /* the kernel's; text likewise */
};

struct console_watch {
	/* Each line without its end, as it is: escape before showing. */
	void (*line)(void *ctx, struct ss_span line);
	void *ctx;
	bool started; /* the application: from here on it may write here */
	bool has_pcr0;
	uint8_t pcr0[48];
	enum console_end end;
	unsigned value;
	char text[256]; /* escaped */
	size_t n;
	uint8_t buf[CONSOLE_WATCH_LINE];
};

SS_NONNULL void console_watch_put(struct console_watch *w, struct ss_span bytes);
/* The last line may lack its end. */
SS_NONNULL void console_watch_end(struct console_watch *w);
