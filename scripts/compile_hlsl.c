// Compiles HLSL with Microsoft's compilers, for scripts/check_vendors.sh: a program for Windows, which runs under Wine.
//
//     compile_hlsl.exe <LIST >RESULTS
//
// A line of LIST has a compiler (fxc or dxc), a file, its entry point, a profile and a label, with tabs between. A line of RESULTS has the
// compiler, the label, the bytes of the result (or REFUSED and the first line of the message), and milliseconds.
//
//     x86_64-w64-mingw32-gcc -O1 -o compile_hlsl.exe compile_hlsl.c
#define COBJMACROS
#include <windows.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What wgpu-hal sets: D3DCOMPILE_ENABLE_STRICTNESS.
#define FXC_FLAGS (1 << 11)

// A blob of either compiler.
typedef struct Blob Blob;
struct Blob {
    struct {
        HRESULT(WINAPI *QueryInterface)(Blob *, REFIID, void **);
        ULONG(WINAPI *AddRef)(Blob *);
        ULONG(WINAPI *Release)(Blob *);
        void *(WINAPI *GetBufferPointer)(Blob *);
        SIZE_T(WINAPI *GetBufferSize)(Blob *);
    } *vtable;
};

typedef struct Result Result;
struct Result {
    struct {
        HRESULT(WINAPI *QueryInterface)(Result *, REFIID, void **);
        ULONG(WINAPI *AddRef)(Result *);
        ULONG(WINAPI *Release)(Result *);
        HRESULT(WINAPI *GetStatus)(Result *, HRESULT *);
        HRESULT(WINAPI *GetResult)(Result *, Blob **);
        HRESULT(WINAPI *GetErrorBuffer)(Result *, Blob **);
    } *vtable;
};

typedef struct {
    const void *text;
    SIZE_T size;
    UINT encoding;
} Buffer;

typedef struct Compiler Compiler;
struct Compiler {
    struct {
        HRESULT(WINAPI *QueryInterface)(Compiler *, REFIID, void **);
        ULONG(WINAPI *AddRef)(Compiler *);
        ULONG(WINAPI *Release)(Compiler *);
        HRESULT(WINAPI *Compile)(Compiler *, const Buffer *, LPCWSTR *, UINT, void *, REFIID, void **);
    } *vtable;
};

typedef HRESULT(WINAPI *D3DCompileFn)(const void *, SIZE_T, const char *, const void *, void *, const char *, const char *, UINT, UINT,
                                      Blob **, Blob **);
typedef HRESULT(WINAPI *DxcCreateInstanceFn)(REFIID, REFIID, void **);

static const GUID CLSID_DXC_COMPILER = {0x73e22d93, 0xe6ce, 0x47f3, {0xb5, 0xbf, 0xf0, 0x66, 0x4f, 0x39, 0xc1, 0xb0}};
static const GUID IID_DXC_COMPILER_3 = {0x228b4687, 0x5a6a, 0x4730, {0x90, 0x0c, 0x97, 0x02, 0xb2, 0x20, 0x3f, 0x54}};
static const GUID IID_DXC_RESULT = {0x58346cda, 0xdde7, 0x4497, {0x94, 0x61, 0x6f, 0x87, 0xaf, 0x5e, 0x06, 0x59}};

static Blob *fxc(D3DCompileFn compile, char *text, size_t size, const char *entry, const char *profile, Blob **errors) {
    Blob *code = NULL;
    HRESULT result = compile(text, size, NULL, NULL, NULL, entry, profile, FXC_FLAGS, 0, &code, errors);
    return SUCCEEDED(result) ? code : NULL;
}

static Blob *dxc(Compiler *compiler, char *text, size_t size, const char *entry, const char *profile, Blob **errors) {
    WCHAR wide_entry[256], wide_profile[32];
    MultiByteToWideChar(CP_UTF8, 0, entry, -1, wide_entry, 256);
    MultiByteToWideChar(CP_UTF8, 0, profile, -1, wide_profile, 32);
    // As wgpu-hal's.
    LPCWSTR arguments[] = {L"-E", wide_entry, L"-T", wide_profile, L"-HV", L"2018", L"-no-warnings", L"-Ges"};
    Buffer buffer = {text, size, CP_UTF8};
    Result *result = NULL;
    HRESULT status = E_FAIL;
    Blob *code = NULL;
    if (FAILED(compiler->vtable->Compile(compiler, &buffer, arguments, 8, NULL, &IID_DXC_RESULT, (void **)&result))) {
        return NULL;
    }
    result->vtable->GetStatus(result, &status);
    result->vtable->GetErrorBuffer(result, errors);
    if (SUCCEEDED(status)) {
        result->vtable->GetResult(result, &code);
    }
    result->vtable->Release(result);
    return code;
}

static char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        return NULL;
    }
    fseek(file, 0, SEEK_END);
    *size = ftell(file);
    rewind(file);
    char *text = malloc(*size + 1);
    *size = fread(text, 1, *size, file);
    text[*size] = 0;
    fclose(file);
    return text;
}

int main(void) {
    HMODULE fxc_library = LoadLibraryA("d3dcompiler_47.dll"), dxc_library = LoadLibraryA("dxcompiler.dll");
    D3DCompileFn d3d_compile = fxc_library ? (D3DCompileFn)(void *)GetProcAddress(fxc_library, "D3DCompile") : NULL;
    DxcCreateInstanceFn create =
        dxc_library ? (DxcCreateInstanceFn)(void *)GetProcAddress(dxc_library, "DxcCreateInstance") : NULL;
    Compiler *compiler = NULL;
    if (!d3d_compile || !create || FAILED(create(&CLSID_DXC_COMPILER, &IID_DXC_COMPILER_3, (void **)&compiler))) {
        fprintf(stderr, "compile_hlsl: no d3dcompiler_47.dll or dxcompiler.dll\n");
        return 2;
    }
    char line[1024];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = 0;
        char *name = strtok(line, "\t"), *path = strtok(NULL, "\t"), *entry = strtok(NULL, "\t");
        char *profile = strtok(NULL, "\t"), *label = strtok(NULL, "\t");
        size_t size = 0;
        char *text = label ? read_file(path, &size) : NULL;
        if (!text) {
            fprintf(stderr, "compile_hlsl: cannot read a line of the list, or its file\n");
            return 2;
        }
        Blob *errors = NULL, *code;
        DWORD start = GetTickCount();
        if (strcmp(name, "fxc") == 0) {
            code = fxc(d3d_compile, text, size, entry, profile, &errors);
        } else {
            code = dxc(compiler, text, size, entry, profile, &errors);
        }
        DWORD took = GetTickCount() - start;
        if (code) {
            printf("%s\t%s\t%u\t%lu\n", name, label, (unsigned)code->vtable->GetBufferSize(code), took);
            code->vtable->Release(code);
        } else {
            const char *message = errors ? errors->vtable->GetBufferPointer(errors) : "no message";
            printf("%s\t%s\tREFUSED: %.*s\t%lu\n", name, label, (int)strcspn(message, "\r\n"), message, took);
        }
        fflush(stdout);
        if (errors) {
            errors->vtable->Release(errors);
        }
        free(text);
    }
    return 0;
}
