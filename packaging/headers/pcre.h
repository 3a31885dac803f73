/*
 * What the headers of nginx before 1.21.5 need of PCRE 8, which current distributions do not have any more. nginx's
 * structures hold pointers to these types only, and a module that is built with this header calls no function of PCRE.
 */

#ifndef PCRE_H
#define PCRE_H

typedef struct pcre pcre;
typedef struct pcre_extra pcre_extra;

#endif
