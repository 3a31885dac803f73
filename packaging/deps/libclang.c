/*
 * Succeeds if the library named by the argument is libclang and finds the compiler's own headers.
 * The types are those of clang-c/Index.h, which need not be installed.
 */

#include <dlfcn.h>
#include <stddef.h>

struct unsaved { const char *name, *contents; unsigned long length; };

int
main(int argc, char **argv)
{
    static const char  text[] = "#include <stddef.h>\n#include <sys/types.h>\n";
    struct unsaved     file = { "ask.c", text, sizeof(text) - 1 };
    void              *library, *index, *unit;
    void            *(*create)(int, int);
    void            *(*parse)(void *, const char *, const char *const *, int, struct unsaved *, unsigned, unsigned);
    unsigned         (*diagnostics)(void *);

    library = argc == 2 ? dlopen(argv[1], RTLD_NOW) : NULL;
    if (library == NULL) {
        return 1;
    }

    *(void **) &create = dlsym(library, "clang_createIndex");
    *(void **) &parse = dlsym(library, "clang_parseTranslationUnit");
    *(void **) &diagnostics = dlsym(library, "clang_getNumDiagnostics");
    if (create == NULL || parse == NULL || diagnostics == NULL) {
        return 1;
    }

    index = create(0, 0);
    unit = parse(index, file.name, NULL, 0, &file, 1, 0);

    return unit == NULL || diagnostics(unit) != 0;
}
