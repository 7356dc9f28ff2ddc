/* SPDX-License-Identifier: Apache-2.0 */
#include "explain/cause.h"

#include <assert.h>

static const struct ex_cause_row rows[EX_CAUSES] = {
	[EX_UNKNOWN] = { "unknown", "nothing that is known explains it",
			 "look at what differs: another input of the build is an answer; what is "
			 "random or a time is removed where it is made" },
	[EX_TIME_PYC] = { "time.pyc-header", "compiled Python holds the time of its source",
			  "normaliser pyc-times, or ENV SOURCE_DATE_EPOCH before pip and "
			  "compileall" },
	[EX_TIME_MTIME] = { "time.mtime", "the file was written at another time",
			    "layout selfsame gives every file the epoch; in a tree of your own: "
			    "touch -d @$SOURCE_DATE_EPOCH" },
	[EX_TIME_MEMBER] = { "time.archive-member", "an archive holds the times of its members",
			     "normalisers ar-times and zip-times; else tar "
			     "--mtime=@$SOURCE_DATE_EPOCH, or touch the files before" },
	[EX_TIME_GZIP] = { "time.gzip-header", "gzip wrote the time of compression",
			   "normaliser gzip-times, or gzip -n" },
	[EX_TIME_TEXT] = { "time.text", "a text holds the time of the build",
			   "write $SOURCE_DATE_EPOCH in place of the clock, or remove the line "
			   "with sed" },
	[EX_TIME_SHADOW] = { "time.shadow-day", "etc/shadow holds the day a password was set",
			     "normaliser shadow-day" },
	[EX_TIME_LOG] = { "time.package-log", "a package manager logged what it did and when",
			  "normalisers apt-logs and logs" },
	[EX_TIME_COMPILED] = { "time.compiled-in", "a program holds the date it was compiled",
			       "ENV SOURCE_DATE_EPOCH (gcc, clang), or build without __DATE__ and "
			       "__TIME__" },
	[EX_TIME_KERNEL] = { "time.kernel-build", "the kernel holds the date it was built",
			     "KBUILD_BUILD_TIMESTAMP, KBUILD_BUILD_USER and KBUILD_BUILD_HOST, all "
			     "fixed" },
	[EX_TIME_METADATA] = { "time.metadata", "the metadata section holds the time of the build",
			       "selfsame build writes the epoch; no register covers it" },
	[EX_TIME_KEYSTORE] = { "time.java-keystore",
			       "the Java key store holds the time each certificate was added",
			       "RUN rm /etc/ssl/certs/java/cacerts, or copy in one made once" },
	[EX_TIME_NPM_LOG] = { "time.npm-log", "npm logged its runs",
			      "normaliser tool-caches, or RUN npm ci ... && rm -rf ~/.npm/_logs" },
	[EX_TIME_STAMP] = { "time.stamp-file", "a file that only says when something was done",
			    "normaliser stamp-files, or RUN ... && rm -f the file" },
	[EX_ORDER_READDIR] = { "order.readdir", "names stand in the order the file system had them",
			       "sort the names: tar --sort=name, ls | sort, $(sort $(wildcard "
			       "...))" },
	[EX_ORDER_LINES] = { "order.lines", "the same lines in another order",
			     "RUN sort -o FILE FILE after it is written; for sets: "
			     "PYTHONHASHSEED=0, PERL_HASH_SEED=0" },
	[EX_ORDER_PACKAGES] = { "order.packages", "the same packages, installed in another order",
				"install them in one apt-get install line, sorted" },
	[EX_ID_MACHINE] = { "id.machine-id", "the machine's identity was made up in the build",
			    "normaliser machine-id" },
	[EX_ID_HOST] = { "id.host-name", "the builder's host name was written down",
			 "normaliser engine-traces for an empty etc/hostname; else remove it: "
			 "RUN rm -f FILE" },
	[EX_ID_USER] = { "id.account", "accounts got other numbers",
			 "create them first, with numbers: RUN useradd --uid 1000 ..." },
	[EX_ID_OWNER] = { "id.owner", "the file belongs to somebody else",
			  "COPY --chown=0:0, RUN chown, or fixed numbers for the accounts" },
	[EX_RAND_HASH_SEED] = { "rand.hash-seed", "a set was written in the order of its hashes",
				"ENV PYTHONHASHSEED=0 before the step that writes it" },
	[EX_RAND_TOKEN] = { "rand.token", "random digits were written down",
			    "give the value as an argument, or make it when the enclave starts" },
	[EX_RAND_UUID] = { "rand.uuid", "a random identifier (UUID) was written down",
			   "give the value as an argument, or make it when the enclave starts" },
	[EX_RAND_SALT] = { "rand.salt", "a password was hashed with a random salt",
			   "useradd -p with a hash that is made once, or no password" },
	[EX_RAND_KEY] = { "rand.private-key",
			  "a secret key was made in the build: whoever has the image has it",
			  "RUN rm -f it, and make it when the enclave starts" },
	[EX_RAND_TEMP_NAME] = { "rand.temp-name", "a temporary name was written down",
				"use a fixed name in place of mktemp" },
	[EX_RAND_LTO] = { "rand.lto-section", "link-time optimisation gave sections random names",
			  "gcc -frandom-seed=FILE" },
	[EX_RAND_COMPOSER] = { "rand.composer-suffix", "composer named its autoloader at random",
			       "composer config autoloader-suffix with a fixed text" },
	[EX_RAND_SIGNATURE] = { "rand.signature",
				"signatures are made with a random number, or by "
				"another key",
				"sign with a local key (its nonces are derived), or take the "
				"published "
				"one: build --signature-from" },
	[EX_CACHE_LDCONFIG] = { "cache.ldconfig-aux", "ldconfig's cache holds times and inodes",
				"normaliser ldconfig-cache" },
	[EX_CACHE_APT] = { "cache.apt", "apt's cache of packages", "normaliser apt-cache" },
	[EX_CACHE_APT_LISTS] = { "cache.apt-lists", "apt's lists hold what the mirror had that day",
				 "RUN ... && rm -rf /var/lib/apt/lists/*, or ask for normaliser "
				 "package-lists" },
	[EX_CACHE_DEBCONF] = { "cache.dpkg-old",
			       "the state of dpkg or debconf before the last step",
			       "normaliser dpkg-old" },
	[EX_CACHE_FONTCONFIG] = { "cache.fontconfig", "fontconfig's cache holds times of folders",
				  "normaliser font-cache, or ENV SOURCE_DATE_EPOCH" },
	[EX_CACHE_MAN] = { "cache.man-db", "man's index holds times", "normaliser man-cache" },
	[EX_CACHE_PYTHON] = { "cache.python-bytecode", "Python compiled a module while it ran",
			      "ENV PYTHONDONTWRITEBYTECODE=1, or RUN python -m compileall for "
			      "all" },
	[EX_CACHE_PIP] = { "cache.pip", "pip's cache",
			   "normaliser tool-caches, or pip install --no-cache-dir" },
	[EX_CACHE_NPM] = { "cache.npm", "the cache of npm, yarn or node",
			   "normaliser tool-caches, or RUN npm ci --cache /tmp/npm && rm -rf "
			   "/tmp/npm" },
	[EX_CACHE_GO] = { "cache.go-build", "the cache of the Go compiler",
			  "normaliser tool-caches, or RUN "
			  "--mount=type=cache,target=/root/.cache/go-build go build ..." },
	[EX_CACHE_CARGO] = { "cache.cargo", "the cache of cargo",
			     "RUN --mount=type=cache,target=/usr/local/cargo/registry cargo build "
			     "..." },
	[EX_CACHE_MAVEN] = { "cache.maven", "the cache of Maven or Gradle",
			     "RUN --mount=type=cache,target=/root/.m2 mvn ..." },
	[EX_CACHE_CDS] = { "cache.java-cds", "Java's archive of loaded classes holds addresses",
			   "RUN ... && rm -f .../lib/server/classes*.jsa" },
	[EX_CACHE_APK] = { "cache.apk", "the cache or the logged state of apk",
			   "apk add --no-cache" },
	[EX_CACHE_RPM] = { "cache.rpm", "the cache or the dated database of rpm, dnf or yum",
			   "RUN ... && dnf clean all && rm -rf /var/cache/dnf "
			   "/var/lib/dnf/history*" },
	[EX_CACHE_SYSTEMD] = { "cache.systemd",
			       "made by systemd, and made again when it is missing",
			       "normaliser stamp-files; RUN rm -f /etc/udev/hwdb.bin" },
	[EX_CACHE_HOME] = { "cache.home", "a tool's own folder below a home",
			    "normaliser histories; RUN ... && rm -rf ~/.cache ~/.config, or ask "
			    "for normaliser home-cache" },
	[EX_LEFT_TMP] = { "left.tmp", "left behind in a folder for temporary files",
			  "RUN ... && rm -rf /tmp/* /var/tmp/*, or ask for normaliser tmp" },
	[EX_LEFT_ENGINE] = { "left.engine", "left behind by what built the image",
			     "normalisers engine-traces and hosts" },
	[EX_LEFT_BACKUP] = { "left.account-backup", "what the accounts were before the last change",
			     "normaliser passwd-backups" },
	[EX_LEFT_LOGINS] = { "left.login-records", "records of logins, sized by user numbers",
			     "normaliser login-records" },
	[EX_LEFT_GIT] = { "left.git", "a git repository holds times, inodes and packs",
			  "add .git to .dockerignore" },
	[EX_LEFT_KERNEL_LIST] = { "left.kernel-list", "apt noted the builder's own kernel",
				  "normaliser kernel-list" },
	[EX_PATH_BUILD_DIR] = { "path.build-dir", "the folder of the build was written down",
				"build in one fixed folder (WORKDIR), or -ffile-prefix-map, "
				"-trimpath, "
				"--remap-path-prefix" },
	[EX_PATH_DIRECT_URL] = { "path.direct-url", "pip noted where a local package lay",
				 "pip install --find-links DIR NAME in place of a path, or ask for "
				 "normaliser pip-urls" },
	[EX_ENV_UMASK] = { "env.umask", "files were made under another umask",
			   "COPY --chmod=0644, git's core.sharedRepository unset, umask 022 in the "
			   "step" },
	[EX_ENV_LOCALE] = { "env.locale", "the language of the builder was written down",
			    "ENV LC_ALL=C.UTF-8" },
	[EX_ENV_TIMEZONE] = { "env.timezone", "the time zone of the builder was written down",
			      "ENV TZ=UTC" },
	[EX_ENV_MACHINE] = { "env.machine", "facts of the building machine were written down",
			     "remove the copy of /proc, uname or nproc where it is made" },
	[EX_NET_PACKAGE] = { "net.package-version", "another version was installed",
			     "pin it: apt-get install NAME=VERSION, pip --require-hashes, a base "
			     "by "
			     "digest" },
	[EX_TOOL_COMPILER] = { "tool.compiler-version", "another compiler or linker made it",
			       "FROM the base by digest, and pin the compiler's package" },
	[EX_TOOL_COMPRESSOR] = { "tool.compressor",
				 "the same content, packed by another program or level",
				 "pin the program, or store it unpacked" },
	[EX_TOOL_BUILD_ID] = { "tool.build-id",
			       "only the linker's build id differs: what was stripped "
			       "or linked differed",
			       "ld --build-id=none, or make the debug information the same" },
	[EX_TOOL_KERNEL_CONFIG] = { "tool.kernel-config", "the kernel was configured otherwise",
				    "build it from one pinned configuration" },
	[EX_TOOL_SQLITE] = { "tool.sqlite", "SQLite's counters or version in the header",
			     "VACUUM INTO a new file in the last step, or make the database at "
			     "start" },
	[EX_INPUT_CONFIG] = { "input.config", "what is started, or its environment, is another",
			      "compare ENV, CMD, ENTRYPOINT and USER of the two Dockerfiles, and "
			      "the two enclave.toml" },
	[EX_INPUT_CMDLINE] = { "input.cmdline", "the kernel's command line is another",
			       "use the same release's runtime, or the same --cmdline" },
	[EX_INPUT_METADATA] = { "input.metadata", "a name or version in the metadata section",
				"set name and version in enclave.toml; no register covers it" },
	[EX_INPUT_HEADER] = { "input.header", "defaults or version in the file's header",
			      "set [run] memory_mib and cpus alike; no register covers them" },
	[EX_INPUT_PART] = { "input.part", "a part of the image has another measurement",
			    "compare with the image file that was measured, or build it again: "
			    "diff of the two says what in the part" },
	[EX_FORM_INODES] = { "form.inode-numbers", "inode, device or link numbers in the archive",
			     "layout selfsame numbers them; else cpio --reproducible" },
	[EX_FORM_HARD_LINKS] = { "form.hard-links", "other names share one file",
				 "COPY after ln, or cp --preserve=links, so that both builds link "
				 "alike" },
	[EX_FORM_PADDING] = { "form.padding", "bytes that belong to no file of the archive",
			      "make the archive with the same program" },
	[EX_FORM_SECTION_ORDER] = { "form.section-order",
				    "the sections of the image stand in another order",
				    "make the image with the same program; selfsame build has "
				    "one order" },
	[EX_FORM_DATABASE] = { "form.database", "a database file with times or random page order",
			       "make it at start, or dump and load it sorted" },
};

const struct ex_cause_row *ex_cause_row(enum ex_cause c)
{
	assert(c < EX_CAUSES);
	return &rows[c];
}
