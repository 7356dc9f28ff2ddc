/* SPDX-License-Identifier: Apache-2.0 */
#include "doctor/lint.h"
#include "expect.h"

#include <stdio.h>
#include <string.h>

#define D "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define C40 "0123456789abcdef0123456789abcdef01234567"
#define BASE "FROM a" D "\n"

static const struct cfg_pairs none = { 0 };

/* A context with one file, which has hashes. */
static bool has(void *ctx, const char *path, const char *text)
{
	(void)ctx;
	return strcmp(path, "hashed.txt") == 0 && strcmp(text, "--hash=sha") == 0;
}

/* "line:code line:code": what is found in the file. */
static char *found(const char *text)
{
	const struct lint_options o = { .args = &none, .platform = "linux/amd64", .has = has };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(1 << 16);
	struct lint_report r;
	struct ss_err err = { 0 };

	if (lint_read((struct ss_span){ (const uint8_t *)text, strlen(text) }, &o, &r, &err) < 0)
		fail_msg("%s\n%s", text, err.msg);
	for (size_t i = 0; i < r.n; i++) {
		char one[128];
		const int n = snprintf(one, sizeof(one), "%s%u:%s", i > 0 ? " " : "", r.v[i].line,
				       lint_row(r.v[i].code)->code);

		ss_buf_put(&b, (struct ss_span){ (const uint8_t *)one, (size_t)n });
	}
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"", 1 });
	lint_report_done(&r);
	return (char *)memcpy(ss_calloc(b.n, 1), b.p, b.n);
}

/* --- one code after the other: what is found on line 2, and what mends it ----------------------
 */

struct pair {
	enum lint_code code;
	const char *bad;
	const char *good; /* NULL: there is no way to say it */
};

static const struct pair pairs[] = {
	{ LINT_IMAGE_LATEST, "FROM b:latest", "FROM b:latest" D },
	{ LINT_IMAGE_LATEST, "COPY --from=b /x /y", "COPY --from=b" D " /x /y" },
	{ LINT_IMAGE_UNPINNED, "FROM b:1", "FROM b:1" D },
	{ LINT_IMAGE_UNPINNED, "RUN --mount=from=b:1,target=/x true",
	  "RUN --mount=from=b" D ",target=/x true" },
	{ LINT_ADD_CHECKSUM, "ADD https://a.b/c /c", "ADD --checksum=sha256:0 https://a.b/c /c" },
	{ LINT_ADD_CHECKSUM, "ADD [\"https://a.b/c\", \"/c\"]", "ADD c /c" },
	{ LINT_ADD_GIT, "ADD https://a.b/c.git#v1 /c", "ADD https://a.b/c.git#" C40 " /c" },
	{ LINT_ADD_GIT, "ADD git@a.b:c.git /c", "ADD git@a.b:c.git#" C40 ":sub /c" },
	{ LINT_DOWNLOAD_SHELL, "RUN curl -sSf https://a.b | sh", "RUN sh ./install" },
	{ LINT_DOWNLOAD_SHELL, "RUN wget -qO- https://a.b | sudo -E bash -", NULL },
	{ LINT_DOWNLOAD_SHELL, "RUN bash -c \"$(curl https://a.b)\"", NULL },
	{ LINT_DOWNLOAD_SHELL, "RUN bash <(curl https://a.b)", NULL },
	{ LINT_DOWNLOAD_SHELL, "RUN curl a.b/x | tee /x | python3", NULL },
	{ LINT_DOWNLOAD_CHECKSUM, "RUN curl -o x https://a.b/x",
	  "RUN curl -o x https://a.b/x && echo '00  x' | sha256sum -c" },
	{ LINT_DOWNLOAD_CHECKSUM, "RUN wget https://a.b/x",
	  "RUN wget https://a.b/x && gpg --verify x.sig x" },
	{ LINT_DOWNLOAD_CHECKSUM, "RUN curl -L $URL | tar xz", "RUN curl -o /dev/null a.b" },
	{ LINT_GIT_COMMIT, "RUN git clone https://a.b/c && rm -rf c/.git",
	  "RUN git clone https://a.b/c && git -C c checkout " C40 " && rm -rf c/.git" },
	{ LINT_GIT_COMMIT, "RUN git clone --branch v1 https://a.b/c && rm -rf c/.git",
	  "ARG REF=" C40 "\nRUN git clone a:c && cd c && git reset --hard ${REF} && rm -rf .git" },
	{ LINT_GIT_FOLDER, "RUN git clone a:b && cd b && git checkout " C40, NULL },
	{ LINT_APT_VERSION, "RUN apt-get install -y curl", "RUN apt-get install -y curl=7.88" },
	{ LINT_APT_VERSION, "RUN apt-get -o A=b install -y a=1 b",
	  "RUN apt-get -o A=b install -y ./a.deb" },
	{ LINT_APT_VERSION, "RUN apt install $PACKAGES",
	  "RUN echo deb https://snapshot.debian.org/x >/s && apt install $PACKAGES" },
	{ LINT_UPGRADE, "RUN apt-get -y dist-upgrade", NULL },
	{ LINT_UPGRADE, "RUN apk upgrade", NULL },
	{ LINT_APT_REPOSITORY, "RUN add-apt-repository -y ppa:a/b", NULL },
	{ LINT_APT_LISTS, "RUN apt-get update",
	  "RUN apt-get update && rm -rf /var/lib/apt/lists/*" },
	{ LINT_APT_LISTS, "RUN apt-get update -q",
	  "RUN --mount=type=cache,target=/var/lib/apt apt-get update -q" },
	{ LINT_APK_VERSION, "RUN apk add --no-cache curl", "RUN apk add --no-cache curl=8.1-r0" },
	{ LINT_APK_VERSION, "RUN apk --no-cache add curl=~8", NULL },
	{ LINT_APK_VIRTUAL, "RUN apk add --no-cache --virtual .x a=1",
	  "RUN apk add --no-cache --virtual .x=0 a=1" },
	{ LINT_APK_CACHE, "RUN apk add a=1", "RUN apk add a=1 && rm -rf /var/cache/apk/*" },
	{ LINT_RPM_VERSION, "RUN dnf install -y curl && dnf clean all",
	  "RUN dnf install -y curl-7.76.1-26 && dnf clean all" },
	{ LINT_RPM_CACHE, "RUN yum -y install curl-7.76",
	  "RUN yum -y install a-7 && yum clean all" },
	{ LINT_PACMAN_VERSION, "RUN pacman -Syu --noconfirm curl", "RUN pacman -Q" },
	{ LINT_PIP_HASHES, "RUN pip install --no-cache-dir flask",
	  "RUN pip install --no-cache-dir --require-hashes -r x.txt" },
	{ LINT_PIP_HASHES, "RUN pip3.11 install --no-cache-dir -r plain.txt",
	  "RUN pip3.11 install --no-cache-dir -r /tmp/hashed.txt" },
	{ LINT_PIP_HASHES, "RUN python3 -m pip install --no-cache-dir .",
	  "RUN python3 -m pip install --no-cache-dir --no-deps ." },
	{ LINT_PIP_CACHE, "RUN pip install --no-index x",
	  "ENV PIP_NO_CACHE_DIR=1\nRUN pip install --no-index x" },
	{ LINT_CONDA_VERSION, "RUN conda install -n base -y numpy",
	  "RUN conda install -y numpy=1.26.4" },
	{ LINT_PYTHON_LOCK, "RUN uv sync", "RUN uv sync --locked" },
	{ LINT_PYTHON_LOCK, "RUN pipenv install", "RUN pipenv install --deploy" },
	{ LINT_NPM_INSTALL, "RUN npm install --cache /c", "RUN npm ci --cache /c" },
	{ LINT_NPM_GLOBAL, "RUN npm install --cache /c -g typescript",
	  "RUN npm install --cache /c -g @a/typescript@5.1.0" },
	{ LINT_NPM_GLOBAL, "RUN npx -y create-x@latest", "RUN npx tsc" },
	{ LINT_NPM_CACHE, "RUN npm ci", "RUN npm ci && npm cache clean --force" },
	{ LINT_YARN_LOCK, "RUN yarn", "RUN yarn --frozen-lockfile" },
	{ LINT_YARN_LOCK, "RUN pnpm install", "RUN pnpm install --frozen-lockfile" },
	{ LINT_GO_LATEST, "RUN go install a.b/c@latest", "RUN go install a.b/c@v1.2.3" },
	{ LINT_GO_UPDATE, "RUN go get ./...", "RUN go mod download" },
	{ LINT_CARGO_LOCKED, "RUN cargo build --release", "RUN cargo build --release --locked" },
	{ LINT_CARGO_VERSION, "RUN cargo install --locked ripgrep",
	  "RUN cargo install --locked ripgrep@14.1.0" },
	{ LINT_CARGO_VERSION, "RUN cargo install --locked --git https://a.b/c",
	  "RUN cargo install --locked --git https://a.b/c --rev " C40 },
	{ LINT_RUSTUP_CHANNEL, "RUN rustup default stable", "RUN rustup default 1.82.0" },
	{ LINT_RUSTUP_CHANNEL, "RUN rustup toolchain install nightly",
	  "RUN rustup toolchain install nightly-2024-10-17" },
	{ LINT_GEM_VERSION, "RUN gem install rails", "RUN gem install rails -v 7.1.0" },
	{ LINT_BUNDLE_LOCK, "RUN bundle install",
	  "RUN bundle config set --local frozen true && bundle install" },
	{ LINT_PHP_VERSION, "RUN pecl install redis", "RUN pecl install redis-6.0.2" },
	{ LINT_PHP_VERSION, "RUN composer require a/b", "RUN composer install" },
	{ LINT_PERL_VERSION, "RUN cpanm JSON", "RUN cpanm JSON@4.10" },
	{ LINT_DOTNET_LOCK, "RUN dotnet restore", "RUN dotnet restore --locked-mode" },
	{ LINT_OTHER_VERSION, "RUN luarocks install lpeg", "RUN luarocks install lpeg 1.1.0" },
	{ LINT_OTHER_VERSION, "RUN R -e 'install.packages(\"x\")'", "RUN opam install x.1.0" },
	{ LINT_TIME_DATE, "RUN date > /built", "RUN date -d @$SOURCE_DATE_EPOCH > /built" },
	{ LINT_TIME_DATE, "RUN echo \"built `date -u +%s`\" > /x", "RUN date -u -r /etc/passwd" },
	{ LINT_TIME_DATE, "RUN python3 -c 'import time; print(time.time())'", NULL },
	{ LINT_TIME_VARIABLE, "RUN echo ${EPOCHSECONDS} > /x", "RUN echo ${EPOCHSECONDSX}" },
	{ LINT_TIME_EPOCH, "RUN gcc -o x x.c", "ARG SOURCE_DATE_EPOCH\nRUN gcc -o x x.c" },
	{ LINT_TIME_EPOCH, "RUN make -j$(nproc)", "RUN SOURCE_DATE_EPOCH=0 make -j$(nproc)" },
	{ LINT_RANDOM_VARIABLE, "RUN echo $RANDOM > /x", "ENV RANDOM=4\nRUN echo $RANDOM > /x" },
	{ LINT_RANDOM_UUID, "RUN uuidgen > /x", "RUN uuidgen --sha1 -n @dns -N a > /x" },
	{ LINT_RANDOM_UUID, "RUN cat /proc/sys/kernel/random/uuid > /x", NULL },
	{ LINT_RANDOM_DEVICE, "RUN head -c 9 < /dev/urandom > /x", "RUN head -c 9 < /dev/zero" },
	{ LINT_RANDOM_DEVICE, "RUN openssl rand -hex 8 > /x", NULL },
	{ LINT_RANDOM_KEY, "RUN ssh-keygen -t ed25519 -f /k", "RUN ssh-keygen -l -f /k" },
	{ LINT_RANDOM_KEY, "RUN openssl req -x509 -newkey rsa:2048 -out c",
	  "RUN openssl x509 -in c" },
	{ LINT_RANDOM_SALT, "RUN echo a:b | chpasswd", "RUN echo 'a:$6$..' | chpasswd -e" },
	{ LINT_HOST_NAME, "RUN hostname > /x", "RUN uname -m > /x" },
	{ LINT_HOST_NAME, "RUN echo $HOSTNAME > /x", NULL },
	{ LINT_HOST_KERNEL, "RUN uname -r > /x", "RUN uname -m" },
	{ LINT_HOST_PROC, "RUN grep x /proc/cpuinfo > /x", "RUN grep x /proc/mounts" },
	{ LINT_HOST_PROC, "RUN echo $(nproc) > /x", "RUN x -j$(nproc)" },
	{ LINT_HOST_NATIVE, "ENV CFLAGS=\"-O2 -march=native\"", "ENV CFLAGS=-march=x86-64-v3" },
	{ LINT_HOST_NATIVE, "RUN RUSTFLAGS='-C target-cpu=native' x", NULL },
	{ LINT_ACCOUNT_NUMBER, "RUN useradd -m app", "RUN useradd -mu 1000 app" },
	{ LINT_ACCOUNT_NUMBER, "RUN addgroup -S app",
	  "RUN addgroup -S -g 9 app && addgroup app x" },
	{ LINT_ARCHIVE_TAR, "RUN tar czf x.tgz x",
	  "RUN tar --sort=name --mtime=@0 -czf x.tgz x && tar c a | tar x" },
	{ LINT_ARCHIVE_GZIP, "RUN gzip x", "RUN gzip -9n x && gzip -d y" },
	{ LINT_ARCHIVE_ZIP, "RUN zip -r x.zip x", "RUN zip -rX x.zip x" },
	{ LINT_ARCHIVE_JAR, "RUN jar cf x.jar x", "RUN jar -c -f x --date=2020-01-01T00:00:00Z x" },
	{ LINT_ARCHIVE_FIND, "RUN find . | cpio -o", "RUN find . | sort | cpio -o" },
	{ LINT_ARCHIVE_FIND, "RUN find . -type f > /list", "RUN find . -name x -delete" },
	{ LINT_ARCHIVE_FIND, "RUN find . | xargs cat", NULL },
	{ LINT_KEYSTORE, "RUN keytool -importcert -file x", "RUN keytool -list" },
	{ LINT_NOT_READ, "RUN echo 'x", "RUN echo 'x'" },
	{ LINT_NOT_SHELL, "SHELL [\"pwsh\"]\nRUN Get-Date",
	  "SHELL [\"/bin/bash\", \"-c\"]\nRUN true" },
};

static void each_code_is_found_and_what_mends_it_is_not(void **state)
{
	bool seen[LINT_CODES] = { false };

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(pairs); i++) {
		const struct pair *p = &pairs[i];
		char text[1024], want[128];
		AUTO_FREE char *bad = NULL;
		AUTO_FREE char *good = NULL;

		seen[p->code] = true;
		(void)snprintf(text, sizeof(text), BASE "%s\n", p->bad);
		(void)snprintf(want, sizeof(want), "%d:%s", p->code == LINT_NOT_SHELL ? 3 : 2,
			       lint_row(p->code)->code);
		bad = found(text);
		if (strcmp(bad, want) != 0)
			fail_msg("%s\n  want '%s'\n  got  '%s'", p->bad, want, bad);
		if (p->good == NULL)
			continue;
		(void)snprintf(text, sizeof(text), BASE "%s\n", p->good);
		good = found(text);
		if (good[0] != '\0')
			fail_msg("%s\n  found '%s'", p->good, good);
	}
	for (size_t i = 0; i < LINT_CODES; i++)
		if (!seen[i])
			fail_msg("no pair for %s", lint_row((enum lint_code)i)->code);
}

/* --- the forms of a Dockerfile ------------------------------------------------------------------
 */

static void findings_have_the_line_of_their_own_words(void **state)
{
	static const struct {
		const char *in;
		const char *out;
	} cases[] = {
		{ BASE "RUN true && \\\n  # a comment\n  date && \\\n\n  uuidgen\n",
		  "4:time.date 6:random.uuid" },
		{ BASE "RUN <<EOF\ntrue\ndate\nEOF\nRUN date\n", "4:time.date 6:time.date" },
		{ BASE "RUN <<-EOF\n\tdate\n\tEOF\n", "3:time.date" },
		{ BASE "RUN bash <<EOF\ndate\nEOF\n", "3:time.date" },
		{ BASE "RUN cat <<EOF > /x && \\\n uuidgen\n$(date)\ndate\nEOF\n",
		  "3:random.uuid 4:time.date" },
		{ BASE "RUN <<EOF\n#!/usr/bin/env python3\ndate\nEOF\n", "" },
		{ BASE "RUN python3 <<EOF\ndate\nEOF\n", "" },
		{ BASE "COPY <<EOF /x\ndate\nEOF\n", "" },
		{ BASE "RUN [\"date\"]\n", "2:time.date" },
		{ BASE "RUN [\"/bin/sh\", \"-ec\", \"true; it='s'; date\"]\n", "2:time.date" },
		{ BASE "RUN [\"echo\", \"$(date)\"]\n", "" },
		{ BASE "ONBUILD RUN date\n", "2:time.date" },
		{ "# escape=`\n" BASE "RUN true && `\n date\n", "4:time.date" },
		{ BASE "RUN su -c 'date' app && sudo -u x env A=b date\n",
		  "2:time.date 2:time.date" },
		{ BASE "RUN find . -exec touch {} + && find / -exec date ';'\n", "2:time.date" },
		{ BASE "RUN timeout 5 nice -n 3 date; xargs -n 1 date\n",
		  "2:time.date 2:time.date" },
		{ BASE "RUN if true; then date; fi; for i in 1 2; do uuidgen; done\n",
		  "2:time.date 2:random.uuid" },
		{ BASE "RUN echo date; echo 'date' | cat; update\n", "" },
		{ BASE "CMD date\nENTRYPOINT uuidgen\nHEALTHCHECK CMD date\n", "" },
		{ BASE "SHELL [\"pwsh\"]\nRUN date\n" BASE "RUN date\n",
		  "3:shell.other 5:time.date" },
		{ "ARG B=b:1\nFROM ${B}\n", "2:image.unpinned" },
		{ "ARG B\nFROM ${B:-b}\n", "2:image.latest" },
		{ "ARG B=b" D "\nFROM $B\n", "" },
		{ BASE "ARG U=https://a.b\nADD ${U}/c /c\n", "3:add.no-checksum" },
	};

	(void)state;
	for (size_t i = 0; i < SS_NELEMS(cases); i++) {
		AUTO_FREE char *got = found(cases[i].in);

		if (strcmp(got, cases[i].out) != 0)
			fail_msg("%s\n  want '%s'\n  got  '%s'", cases[i].in, cases[i].out, got);
	}
}

static void leftovers_count_only_where_they_reach_the_image(void **state)
{
	AUTO_FREE char *other = found("FROM a" D " AS x\nRUN npm ci && apt-get update\n"
				      "FROM a" D "\nCOPY --from=x /y /y\n");
	AUTO_FREE char *base = found("FROM a" D " AS X\nRUN npm ci\nFROM x AS y\nFROM y\n");

	(void)state;
	assert_string_equal(other, "");
	assert_string_equal(base, "2:npm.cache-kept");
}

static void the_stage_that_is_built_is_the_one_that_was_asked_for(void **state)
{
	static const char text[] = "FROM a" D " AS x\nRUN npm ci\nFROM a" D "\n";
	const struct lint_options o = { .args = &none, .platform = "linux/amd64", .target = "X" };
	struct lint_report r;
	struct ss_err err = { 0 };

	(void)state;
	expect_ok(lint_read((struct ss_span){ (const uint8_t *)text, strlen(text) }, &o, &r, &err),
		  &err);
	assert_int_equal(r.n, 1);
	assert_string_equal(r.v[0].words, "npm ci");
	assert_int_equal(r.v[0].at, strlen("FROM a" D " AS x\nRUN "));
	lint_report_done(&r);
}

static void a_base_that_the_lock_pins_is_pinned(void **state)
{
	static const char text[] = "FROM debian:12\nCOPY --from=nginx /x /y\n";
	struct cfg_lock lock = { 0 };
	const struct lint_options o = { .args = &none, .platform = "linux/amd64", .locked = &lock };
	struct lint_report r;
	struct ss_err err = { 0 };

	(void)state;
	cfg_lock_base_set(&lock, "docker.io/library/debian:12", "sha256:00");
	expect_ok(lint_read((struct ss_span){ (const uint8_t *)text, strlen(text) }, &o, &r, &err),
		  &err);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.v[0].code, LINT_IMAGE_LATEST);
	lint_report_done(&r);
	cfg_lock_done(&lock);
}

static void what_is_no_dockerfile_is_refused_by_line(void **state)
{
	static const char text[] = BASE "RUN true\nRUM date\n";
	const struct lint_options o = { .args = &none, .platform = "linux/amd64" };
	struct lint_report r;
	struct ss_err err = { 0 };

	(void)state;
	expect_fails(
		lint_read((struct ss_span){ (const uint8_t *)text, strlen(text) }, &o, &r, &err),
		&err, SS_EINPUT, "line 3: unknown instruction 'RUM'; did you mean RUN?");
	assert_null(r.v);
}

static void long_words_are_cut_and_many_findings_are_counted(void **state)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(1 << 20);
	const struct lint_options o = { .args = &none, .platform = "linux/amd64" };
	struct lint_report r;
	struct ss_err err = { 0 };

	(void)state;
	ss_buf_put(&b, (struct ss_span){ (const uint8_t *)BASE "RUN date ", strlen(BASE) + 9 });
	for (int i = 0; i < 200; i++)
		ss_buf_put(&b, (struct ss_span){ (const uint8_t *)"\xc3\xa9", 2 });
	for (unsigned i = 0; i < LINT_KEEP + 6; i++)
		ss_buf_put(&b, (struct ss_span){ (const uint8_t *)";date", 5 });
	expect_ok(lint_read(ss_buf_span(&b), &o, &r, &err), &err);
	assert_int_equal(r.n, LINT_KEEP);
	assert_int_equal(r.left_out, 7);
	assert_int_equal(strlen(r.v[0].words), 5 + 2 * 57 + 3);
	assert_string_equal(r.v[0].words + 119, "...");
	lint_report_done(&r);
}

static void a_file_cut_anywhere_is_read_or_refused(void **state)
{
	static const char text[] =
		"# escape=\\\nARG B=b\nFROM ${B} AS x\nENV A=b C=\"d e\"\nADD http://a.b /c\n"
		"RUN --mount=type=cache,target=/x a \\\n && date $(b 'c') <<E\n$(uuidgen)\nE\n"
		"SHELL [\"sh\"]\nRUN [\"sh\", \"-c\", \"date\"]\nONBUILD RUN x\nCOPY . /\n";
	const struct lint_options o = { .args = &none, .platform = "linux/amd64", .has = has };

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		AUTO_FREE char *exact = ss_calloc(n > 0 ? n : 1, 1);
		struct lint_report r;
		struct ss_err err = { 0 };

		memcpy(exact, text, n);
		if (lint_read((struct ss_span){ (const uint8_t *)exact, n }, &o, &r, &err) < 0) {
			assert_true(err.msg[0] != '\0');
			continue;
		}
		lint_report_done(&r);
	}
}

/* --- the page -----------------------------------------------------------------------------------
 */

/* docs/doctor.md has a row for each code, in this order, and no other. */
static void the_page_of_findings_is_the_table(void **state)
{
	const char *fixtures = getenv("FIXTURES");
	char path[4096], want[1024], line[1024];
	AUTO_FCLOSE FILE *f = NULL;
	int c = 0;

	(void)state;
	assert_non_null(fixtures);
	(void)snprintf(path, sizeof(path), "%s/../../docs/doctor.md", fixtures);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		const struct lint_row *row;

		if (strncmp(line, "| `", 3) != 0)
			continue;
		assert_true(c < LINT_CODES);
		row = lint_row((enum lint_code)c++);
		(void)snprintf(want, sizeof(want), "| `%s` | %s | %s | %s |\n", row->code,
			       row->what, row->leads, row->mend);
		/* In the page a "|" of a mend and a "<" are escaped. */
		for (char *p = line; *p != '\0'; p++)
			if (p[0] == '\\' && (p[1] == '|' || p[1] == '<'))
				memmove(p, p + 1, strlen(p));
		assert_string_equal(line, want);
	}
	assert_int_equal(c, LINT_CODES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_code_is_found_and_what_mends_it_is_not),
		cmocka_unit_test(findings_have_the_line_of_their_own_words),
		cmocka_unit_test(leftovers_count_only_where_they_reach_the_image),
		cmocka_unit_test(the_stage_that_is_built_is_the_one_that_was_asked_for),
		cmocka_unit_test(a_base_that_the_lock_pins_is_pinned),
		cmocka_unit_test(what_is_no_dockerfile_is_refused_by_line),
		cmocka_unit_test(long_words_are_cut_and_many_findings_are_counted),
		cmocka_unit_test(a_file_cut_anywhere_is_read_or_refused),
		cmocka_unit_test(the_page_of_findings_is_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
