/*
 * The page's files in the program: each as it is, and compressed with gzip. The table is made by
 * the build (CMakeLists.txt).
 */
#ifndef DZ_WEB_FILES_H
#define DZ_WEB_FILES_H

#include <stddef.h>

typedef struct dz_page_file {
    const char *name, *type;
    const char *begin, *end;
    const char *packed_begin, *packed_end;
} dz_page_file;

extern const dz_page_file dz_page_files[];
extern const size_t dz_page_file_count;

#endif
