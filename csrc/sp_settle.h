/* Where a description looks at more than names on the way: marks of elements of a list of {name, value}, and of strings that begin with a
   known text, go to the node that this tells. */
#ifndef SP_SETTLE_H
#define SP_SETTLE_H

#include "sp_exchange.h"

void sp_settle(sp_reader *d, uint32_t from); /* the marks from `from` on, which are those of one text */

#endif
