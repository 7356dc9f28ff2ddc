# shellcheck shell=sh
# Read by the cases of `inputs` and `lock`: a store of inputs made by hand, and locks.
STORE=$HOME/.cache/selfsame/inputs
export STORE

where() { # SHA256
	echo "$STORE/sha256/$(echo "$1" | cut -c1-2)/$1"
}

object() { # TEXT: puts it into the store, prints its hash
	sum=$(printf %s "$1" | sha256sum | cut -d' ' -f1)
	mkdir -p "$(dirname "$(where "$sum")")"
	printf %s "$1" >"$(where "$sum")"
	echo "$sum"
}

lock() { # "URL SHA256 SIZE"...: an enclave.lock with these inputs
	zero=0000000000000000000000000000000000000000000000000000000000000000
	printf 'arch = "x86_64"\nform = "selfsame"\nlayout = 1\nnormalisers = []\nschema = 1\nsource_date_epoch = 0\ntool = "0.1.0"\n\n'
	printf '[image]\nname = "i"\nversion = "1"\n\n'
	for input; do
		# shellcheck disable=SC2086 # three words
		printf '[[input]]\nmethod = "GET"\nstatus = 200\ntype = "text/plain"\nurl = "%s"\nsha256 = "%s"\nsize = %s\n\n' $input
	done
	printf '[kernel]\nname = "nitro"\nsha256 = "%s"\nstanding = "known"\n\n[runtime]\ninit = "%s"\n' $zero $zero
}
