/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * The guest's console, line by line, to standard output. What the guest prints is shown, never
 * obeyed: control bytes other than a tab, and whatever is not UTF-8, come out as \xNN.
 */
#define CONSOLE_LINE_MAX 4096u

struct console {
	const char *until; /* a text to wait for, or NULL */
	bool found;
	bool panicked; /* the kernel said so */
	char line[CONSOLE_LINE_MAX];
	size_t n;
};

/* More bytes of the console. */
void console_put(struct console *c, const char *bytes, size_t n);
/* The last line may lack its end. */
void console_end(struct console *c);
