/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fresh recipient key: prints its SPKI in hexadecimal digits; then each line of standard input, a
 * message in the same form, is answered with "yes PLAINTEXT" or "no CODE TEXT".
 */
#include "base/hex.h"
#include "crypto/recipient.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_SIZE ((size_t)128 * 1024)

static void answer(const struct crypto_recipient *r, struct ss_span message)
{
	AUTO_BUF struct ss_buf plain = SS_BUF_INIT((size_t)16 * 1024);
	AUTO_FREE char *hex = ss_calloc((size_t)32 * 1024 + 1, 1);
	struct ss_err err = { 0 };

	if (crypto_recipient_unwrap(r, message, &plain, &err) < 0) {
		(void)printf("no %d %s\n", (int)err.code, err.msg);
		return;
	}
	ss_hex(ss_buf_span(&plain), hex);
	(void)printf("yes %s\n", hex);
}

int main(void)
{
	AUTO_RECIPIENT struct crypto_recipient *r = NULL;
	AUTO_FREE char *line = ss_calloc(LINE_MAX_SIZE, 1);
	char hex[2 * CRYPTO_RECIPIENT_SPKI + 1];
	uint8_t spki[CRYPTO_RECIPIENT_SPKI];
	struct ss_err err = { 0 };

	if (crypto_recipient_new(&r, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return 4;
	}
	crypto_recipient_spki(r, spki);
	ss_hex((struct ss_span){ spki, sizeof(spki) }, hex);
	(void)printf("%s\n", hex);
	(void)fflush(stdout);
	while (fgets(line, (int)LINE_MAX_SIZE, stdin) != NULL) {
		const size_t end = strcspn(line, "\n"), n = end / 2;
		/* exactly as large as it is: one byte too far is seen by the sanitizer */
		AUTO_FREE uint8_t *m = ss_calloc(n > 0 ? n : 1, 1);

		line[end] = '\0';
		if (!ss_unhex(line, m, n))
			return 2;
		answer(r, (struct ss_span){ m, n });
		(void)fflush(stdout);
	}
	return 0;
}
