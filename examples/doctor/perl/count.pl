use strict;
use warnings;

my %seen;
while (<>) {
	$seen{lc $_}++ for /\w+/g;
}
print "$_ $seen{$_}\n" for keys %seen;
