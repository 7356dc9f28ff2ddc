package Words;

use strict;
use warnings;

our $VERSION = '1.00';

=head1 NAME

Words - counts them

=cut

sub count {
    my %n;
    $n{$_}++ for split ' ', shift;
    return \%n;
}

1;
